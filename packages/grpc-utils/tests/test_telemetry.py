"""Telemetry of a call: a line, two metrics, a correlation id, and no secret in any of them (C16)."""

import io
import logging
import re
from typing import Any

import orjson
import pytest
from grpc_utils import Context
from grpc_utils.errors import Introuvable
from grpc_utils.telemetry import Calls, masked
from prometheus_client import REGISTRY
from service_testing import eventually, metric, refusal
from service_testing.echo import EchoServer, echoing
from service_testing.http2 import Http2Connection
from service_testing.probe import METHOD, Probe, bearer

Lines = list[dict[str, Any]]


async def answer(request: Any, context: Context) -> Any:
    """Answer the request, or refuse the text `missing`."""
    if request.text == "missing":
        raise Introuvable
    return request


def lines(output: io.BytesIO) -> Lines:
    """Lines about calls of `echo`, for other servers of this process write to the stream as well."""
    written = [orjson.loads(line) for line in output.getvalue().splitlines()]
    return [line for line in written if line["service"] == "echo"]


async def test_C16_every_call_leaves_one_line(output: io.BytesIO) -> None:
    """Answered, refused and unauthenticated calls have method, code, duration, caller, correlation id."""
    async with echoing(Read=answer) as echo:
        await echo.call("Read", metadata=[("x-correlation-id", "trace-1")])
        await refusal(echo.call("Read", "missing"))
        await refusal(echo.call("Read", caller=[]))
    read, missing, unknown = lines(output)
    assert {name: read[name] for name in ("level", "service", "rpc", "code", "correlation_id", "caller")} == {
        "level": "info",
        "service": "echo",
        "rpc": "/echo.EchoService/Read",
        "code": "OK",
        "correlation_id": "trace-1",
        "caller": "demo",
    }
    assert (missing["code"], missing["caller"]) == ("NOT_FOUND", "demo")
    assert (unknown["code"], unknown["caller"]) == ("UNAUTHENTICATED", "")
    assert all(line["duration_ms"] >= 0 and line["time"].endswith("+00:00") for line in lines(output))


async def test_C16_an_address_as_user_id_is_masked(output: io.BytesIO) -> None:
    """A subject that is an email address is masked in the line of its call."""
    async with echoing(Read=answer) as echo:
        await echo.call("Read", caller=echo.user(user="jeanne.durand@exemple.fr"))
    assert [line["caller"] for line in lines(output)] == ["j***@exemple.fr"]


async def test_the_path_of_an_unknown_method_is_not_written(output: io.BytesIO) -> None:
    """Lines and metrics name it `unknown`: else callers could make up lines and series."""
    async with echoing(Read=answer) as echo, Http2Connection(echo.address) as connection:
        await connection.call("/any/thing")
    assert [line["rpc"] for line in lines(output)] == ["unknown"]
    assert "/any/thing" not in str(list(REGISTRY.collect()))


def counted(echo: EchoServer, code: str) -> float:
    """The number of calls of Read that ended with *code*."""
    return metric("crm_rpc_total", service="echo", method="/echo.EchoService/Read", code=code)


async def test_C16_every_call_is_counted_by_its_code(output: io.BytesIO) -> None:
    """crm_rpc_total counts calls by code, crm_rpc_seconds times them by method."""
    async with echoing(Read=answer) as echo:
        before = counted(echo, "OK"), counted(echo, "NOT_FOUND")
        for text in ("", "", "missing"):
            await refusal(echo.call("Read", text)) if text else await echo.call("Read")
    assert (counted(echo, "OK"), counted(echo, "NOT_FOUND")) == (before[0] + 2, before[1] + 1)
    assert metric("crm_rpc_seconds_count", service="echo", method="/echo.EchoService/Read")


@pytest.mark.parametrize("given", ["", "a b", "a\nb", "a\r\nb", "\0", "é", "../..", "x" * 65])
def test_C16_a_correlation_id_that_no_line_may_hold_is_replaced(given: str) -> None:
    """Only 1 to 64 letters, digits, dots, dashes and underscores are taken over."""
    calls = Calls("echo")
    assert re.fullmatch(r"ech-\d{13}-[0-9a-z]{7}", calls.correlate(given))
    assert calls.correlate("Trace_1.2-3") == "Trace_1.2-3"


async def test_C16_no_token_reaches_a_log(
    probe: Probe, output: io.BytesIO, caplog: pytest.LogCaptureFixture
) -> None:
    """No part of a token, good or bad, in whatever encoding, is logged by us or by gRPC at any level."""
    good, service = probe.token(), probe.service_token()
    stolen = probe.token(sub="admin")[:-4] + "AAAA"
    with caplog.at_level(logging.DEBUG):
        async with Http2Connection(probe.address) as connection:
            for token in (good, service, stolen, probe.token(exp=1), probe.keycloak.token(typ="ID")):
                await connection.call(METHOD, bearer(token))
                await connection.call(METHOD, bearer(token.encode() + b"\xe9"))
                await connection.call(METHOD, [*bearer(token), *bearer(token)])
                await connection.call("/x/y", bearer(token))
        await eventually(lambda: output.getvalue().count(b'"rpc"') >= 20)
    written = output.getvalue().decode() + caplog.text
    assert "UNAUTHENTICATED" in written
    assert "token refused" in written
    assert [part for token in (good, service, stolen) for part in token.split(".") if part in written] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jeanne@exemple.fr", "j***@exemple.fr"),
        ("é@b.fr", "é***@b.fr"),
        ('"a@b"@c.fr', '"***@c.fr'),
        ("user-1", "user-1"),
        ("", ""),
    ],
)
def test_C16_of_an_address_the_first_letter_and_the_domain_are_shown(text: str, shown: str) -> None:
    """An address shows its first letter and its domain; a text that is no address stays as it is."""
    assert masked(text) == shown
