"""Traces of calls: a span for each that is answered or made, which names the method and nobody."""

import io
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import orjson
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import StatutClientServiceStub
from grpc_utils import Context, Peers, ServiceSigner, new_key_pair
from grpc_utils.errors import DependanceIndisponible, Introuvable
from service_testing import eventually, refusal
from service_testing.callee import CALLER, Callee, serving
from service_testing.collector import Collector
from service_testing.echo import EchoServer, echoing
from trace_utils import carried, tracer_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = ("traceparent", f"00-{TRACE}-{SPAN}-01")
READ, LIST = "echo.EchoService/Read", "clients.StatutClientService/List"
REQUEST = pb.ListStatutClientsRequest()


async def answer(request: Any, context: Context) -> Any:
    """Answer the request, refuse the text `missing`, or fail at `bug`."""
    if request.text == "missing":
        raise Introuvable
    if request.text == "bug":
        raise ZeroDivisionError("secret")
    return request


async def answers(request: Any, context: Context) -> AsyncIterator[Any]:
    """Answer the request twice."""
    yield request
    yield request


@pytest.fixture
async def echo(collector: Collector) -> AsyncIterator[EchoServer]:
    """A server that traces."""
    async with echoing(Read=answer, Stream=answers) as echo:
        yield echo


Calling = tuple[Callee, StatutClientServiceStub]


@pytest.fixture
async def calling(collector: Collector) -> AsyncIterator[Calling]:
    """A callee, and the traced email service's stub of it."""
    keys, callee = new_key_pair(), Callee()
    async with serving(callee, keys) as port:
        addresses = {"clients": f"127.0.0.1:{port}"}
        peers = Peers(addresses, ServiceSigner(CALLER, keys.private), tracer=tracer_of(CALLER))
        yield callee, peers.stub(StatutClientServiceStub)
        await peers.close()


async def test_a_call_is_a_span_below_that_of_its_caller(echo: EchoServer, collector: Collector) -> None:
    """It has the method, the status and the correlation id, and nothing else."""
    await echo.call("Read", metadata=[PARENT, ("x-correlation-id", "c-1")])
    (span,) = await collector.named(READ)
    assert (span.service, span.kind, span.trace, span.parent, span.failed) == (
        "echo",
        "server",
        TRACE,
        SPAN,
        False,
    )
    assert span.attributes == {
        "rpc.system": "grpc",
        "rpc.service": "echo.EchoService",
        "rpc.method": "Read",
        "rpc.grpc.status_code": 0,
        "crm.correlation_id": "c-1",
    }


async def test_a_refusal_is_no_failure_of_the_server(echo: EchoServer, collector: Collector) -> None:
    """A bug is; what either says is not in the span."""
    for text in ("missing", "bug"):
        await refusal(echo.call("Read", text))
    spans = await collector.named(READ, 2)
    codes = {one.attributes["rpc.grpc.status_code"]: one.failed for one in spans}
    assert codes == {grpc.StatusCode.NOT_FOUND.value[0]: False, grpc.StatusCode.INTERNAL.value[0]: True}
    assert "secret" not in collector.file.read_text()


async def test_a_caller_without_a_proof_is_traced_too(echo: EchoServer, collector: Collector) -> None:
    """With the code of its refusal."""
    await refusal(echo.call("Read", caller=[]))
    (span,) = await collector.named(READ)
    assert span.attributes["rpc.grpc.status_code"] == grpc.StatusCode.UNAUTHENTICATED.value[0]


async def test_a_stream_is_a_span_until_its_end(echo: EchoServer, collector: Collector) -> None:
    """Of all its messages together."""
    assert len([one async for one in echo.stream("x")]) == 2
    (span,) = await collector.named("echo.EchoService/Stream")
    assert (span.kind, span.attributes["rpc.grpc.status_code"]) == ("server", 0)


@pytest.mark.parametrize(
    "hostile",
    ["x" * 600, f"00-{TRACE}-{SPAN}-01-more", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{SPAN}", "Ω'; --"[1:]],
)
async def test_a_traceparent_that_is_not_one_begins_a_trace(
    echo: EchoServer, collector: Collector, caplog: pytest.LogCaptureFixture, hostile: str
) -> None:
    """The call is answered as ever, and what it sent is neither logged nor exported."""
    with caplog.at_level(logging.DEBUG, "opentelemetry"):
        await echo.call("Read", metadata=[("traceparent", hostile), ("tracestate", "secret;state")])
    (span,) = await collector.named(READ)
    assert (span.parent, span.trace == TRACE) == ("", False)
    assert [
        text for text in (hostile, "secret;state") if text in caplog.text + collector.file.read_text()
    ] == []


async def test_a_tracestate_that_is_not_one_is_neither_logged_nor_carried_on(
    echo: EchoServer, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    """The trace goes on without it: the SDK would log what it does not understand."""
    with caplog.at_level(logging.DEBUG, "opentelemetry"):
        await echo.call("Read", metadata=[PARENT, ("tracestate", "secret;state")])
    (span,) = await collector.named(READ)
    assert span.trace == TRACE
    assert "secret;state" not in caplog.text + collector.file.read_text()


async def test_the_line_of_a_call_names_its_trace(
    echo: EchoServer, output: io.BytesIO, collector: Collector
) -> None:
    """So that one finds the other."""
    await echo.call("Read", metadata=[PARENT])
    await eventually(output.getvalue)
    lines = [orjson.loads(line) for line in output.getvalue().splitlines()]
    assert [line["trace_id"] for line in lines if line["service"] == "echo"] == [TRACE]


async def test_a_call_to_another_service_is_a_span_that_its_callee_continues(
    calling: Calling, collector: Collector
) -> None:
    """Below the work within which it is made."""
    tracer = tracer_of(CALLER)
    assert tracer is not None
    work = tracer.begin("internal", "work", {})
    with tracer.current(work):
        await calling[1].List(REQUEST)
    spans = {one.kind: one for one in await collector.named(LIST, 2)}
    (outer,) = await collector.named("work")
    assert (spans["client"].service, spans["client"].parent) == (CALLER, outer.id)
    assert (spans["server"].service, spans["server"].parent) == ("clients", spans["client"].id)


async def test_a_call_that_fails_says_how(calling: Calling, collector: Collector) -> None:
    """For a client every status but OK is a failure."""
    calling[0].failures = [Introuvable()]
    await refusal(calling[1].List(REQUEST))
    spans = {one.kind: one for one in await collector.named(LIST, 2)}
    assert (spans["client"].failed, spans["server"].failed) == (True, False)
    assert spans["client"].attributes["error.type"] == "NOT_FOUND"


async def test_a_call_that_nobody_answers_is_a_span_too(collector: Collector) -> None:
    """Of the caller alone."""
    peers = Peers({}, None, tracer=tracer_of(CALLER))
    with pytest.raises(DependanceIndisponible):
        await peers.stub(StatutClientServiceStub).List(REQUEST)
    await peers.close()
    (span,) = await collector.named(LIST)
    assert (span.kind, span.attributes["error.type"]) == ("client", "UNAVAILABLE")


async def test_without_tracing_nothing_is_carried(output: io.BytesIO) -> None:
    """Calls go out without headers of a trace, lines are as they were, and what a caller sends is let be."""
    keys, callee = new_key_pair(), Callee()
    async with serving(callee, keys) as port, echoing(Read=answer) as echo:
        peers = Peers({"clients": f"127.0.0.1:{port}"}, ServiceSigner(CALLER, keys.private))
        await peers.stub(StatutClientServiceStub).List(REQUEST)
        await echo.call("Read", metadata=[PARENT])
        await peers.close()
    assert [name for name in callee.calls[0].metadata if name.startswith("trace")] == []
    assert b"trace_id" not in output.getvalue()
    assert carried() == {}
