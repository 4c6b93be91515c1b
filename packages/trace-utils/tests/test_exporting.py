"""Spans on their way out: by the standard variables, to a collector or the console, in nobody's way."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest
from service_testing import eventually
from service_testing.collector import Collector
from trace_utils import NOWHERE, Tracer, carried, resume, start_tracing, stop_tracing, tracer_of

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def stopped() -> AsyncIterator[None]:
    """Tracing is off again after the test."""
    yield
    await stop_tracing()


def tracer(service: str = "clients") -> Tracer:
    """The tracer of *service*."""
    found = tracer_of(service)
    assert found is not None
    return found


async def test_each_service_of_a_process_has_its_name(collector: Collector) -> None:
    """Spans go to the collector under the name of the service that made them."""
    for service in ("clients", "email"):
        tracer(service).begin("internal", "work", {}).end()
    assert {one.service for one in await collector.named("work", 2)} == {"clients", "email"}


async def test_OTEL_SERVICE_NAME_names_them_all(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the standard has it."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "the-crm")
    tracer("email").begin("internal", "work", {}).end()
    assert [one.service for one in await collector.named("work")] == ["the-crm"]


async def test_a_sampler_that_takes_nothing_still_carries_on(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The headers say "not sampled", so that the rest of the trace is left out as well."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    left_out = tracer("email").begin("internal", "left out", {})
    flags = left_out.carrier["traceparent"].rpartition("-")[2]
    assert not int(flags, 16) & 1
    left_out.end()
    monkeypatch.delenv("OTEL_TRACES_SAMPLER")
    tracer("clients").begin("internal", "taken", {}).end()
    await collector.named("taken")
    assert [one.name for one in collector.spans()] == ["taken"]


async def test_without_a_propagator_a_trace_stays_in_its_service(
    stopped: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTEL_PROPAGATORS=none neither reads nor writes headers."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    monkeypatch.setenv("OTEL_PROPAGATORS", "none")
    start_tracing("tests")
    assert tracer().begin("server", "call", {}, {"traceparent": PARENT}).carrier == {}


async def test_a_trace_is_resumed_for_a_task(collector: Collector) -> None:
    """And for no other one."""

    async def work() -> dict[str, str]:
        resume({"traceparent": PARENT})
        return carried()

    assert await asyncio.create_task(work()) == {"traceparent": PARENT}
    assert carried() == {}


async def test_spans_are_printed_for_the_console(
    stopped: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of JSON each."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    start_tracing("tests")
    tracer().begin("internal", "printed", {}, NOWHERE).end()
    await stop_tracing()
    assert json.loads(capsys.readouterr().out)["name"] == "printed"


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]
)
async def test_what_is_not_there_is_left_out_with_a_warning(
    stopped: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    """The service serves; its spans go nowhere."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv(name, value)
    start_tracing("tests")
    tracer().begin("internal", "work", {}).end()
    assert f"{name}={value} is not supported" in caplog.text


async def test_a_collector_that_is_silent_holds_up_no_stop(collector: Collector) -> None:
    """Stopping waits two seconds at most, while an export goes on waiting for ten."""
    with collector.slow():
        tracer().begin("internal", "work", {}).end()
        await eventually(lambda: collector.requests)
        async with asyncio.timeout(8):
            await stop_tracing()


async def test_a_collector_that_is_away_keeps_nobody_from_work(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    """Spans end as before, and what failed is told in the log."""
    caplog.set_level(logging.WARNING)
    async with collector.down():
        tracer().begin("internal", "lost", {}).end()
        await eventually(lambda: "opentelemetry" in {one.name.partition(".")[0] for one in caplog.records})


@pytest.mark.parametrize("headers", ["Bearer sesame", "authorization:sesame", "a=b;authorization=sesame"])
async def test_a_key_of_the_collector_that_is_miswritten_is_not_logged(
    stopped: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, headers: str
) -> None:
    """The SDK would show the whole header."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", headers)
    start_tracing("tests")
    assert "OTEL_EXPORTER_OTLP_HEADERS: what is not name=value" in caplog.text
    assert "sesame" not in caplog.text


async def test_the_key_of_the_collector_goes_with_the_spans(
    collector: Collector, stopped: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As OTEL_EXPORTER_OTLP_HEADERS has it."""
    await stop_tracing()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20sesame")
    start_tracing("tests")
    tracer().begin("internal", "work", {}).end()
    await collector.named("work")
    assert collector.requests[-1].headers["authorization"] == "Bearer sesame"
