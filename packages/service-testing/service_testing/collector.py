"""An OpenTelemetry collector: takes spans by OTLP over HTTP and writes them to a file, one per line.

async with collecting(tmp_path / "traces.jsonl") as collector:
    ...  # with OTEL_EXPORTER_OTLP_ENDPOINT=collector.url
    spans = await collector.trace_of("clients.ClientBaseService/Create", enough=lambda spans: …)
"""

import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2
from starlette.responses import Response

from service_testing.party import HttpParty, Request
from service_testing.waiting import eventually

_PROTOBUF = "application/x-protobuf"
_KINDS = {number: name.removeprefix("SPAN_KIND_").lower() for name, number in trace_pb2.Span.SpanKind.items()}


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """A span as the file has it; *parent* is "" for the first of its trace."""

    service: str
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: Sequence[str]
    failed: bool
    attributes: Mapping[str, Any]


class Collector(HttpParty):
    """A collector that writes to *file*."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.file.touch()

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is to be."""
        return f"http://127.0.0.1:{self.port}"

    def spans(self) -> list[SeenSpan]:
        """All spans of the file."""
        return [SeenSpan(**json.loads(line)) for line in self.file.read_text().splitlines()]

    async def named(self, name: str, count: int = 1) -> list[SeenSpan]:
        """The spans of that *name*, once there are *count*."""
        return await eventually(
            lambda: found if len(found := [one for one in self.spans() if one.name == name]) >= count else []
        )

    async def trace_of(
        self, name: str, *, enough: Callable[[list[SeenSpan]], bool], timeout: float = 30.0
    ) -> list[SeenSpan]:
        """The spans of the only trace that begins with span *name*, once they are *enough*."""

        def found() -> list[SeenSpan]:
            spans = self.spans()
            begun = [one.trace for one in spans if one.name == name and not one.parent]
            assert len(begun) < 2, f"{len(begun)} traces begin with {name}"
            return [one for one in spans if one.trace in begun]

        await eventually(lambda: enough(found()), timeout=timeout)
        return found()

    def _answer(self, request: Request) -> Response:
        assert (request.method, request.path) == ("POST", "/v1/traces")
        packed = request.headers.get("content-encoding") == "gzip"
        body = gzip.decompress(request.body) if packed else request.body
        with self.file.open("a") as file:
            for span in _read(ExportTraceServiceRequest.FromString(body)):
                file.write(f"{json.dumps(span)}\n")
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type=_PROTOBUF)


def _read(exported: ExportTraceServiceRequest) -> list[dict[str, Any]]:
    return [
        {
            "service": _values(resource.resource.attributes).get("service.name", ""),
            "name": span.name,
            "kind": _KINDS[span.kind],
            "trace": span.trace_id.hex(),
            "id": span.span_id.hex(),
            "parent": span.parent_span_id.hex(),
            "links": [link.trace_id.hex() for link in span.links],
            "failed": span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
            "attributes": _values(span.attributes),
        }
        for resource in exported.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _values(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in attributes
    }


@asynccontextmanager
async def collecting(file: Path) -> AsyncIterator[Collector]:
    """A collector that writes to *file*, listening inside."""
    collector = Collector(file)
    await collector.start()
    try:
        yield collector
    finally:
        await collector.stop()
