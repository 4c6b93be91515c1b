"""Hostile calls: paths near the exempt ones, methods that do not exist, bodies that are no request."""

import grpc
import pytest
from hyperframe.frame import DataFrame, RstStreamFrame
from service_testing.http2 import Http2Connection, grpc_headers, message
from service_testing.probe import METHOD, Probe, bearer

CHECK = "/grpc.health.v1.Health/Check"
CANCEL = 8  # RFC 9113 section 7

NEAR = [
    "/grpc.health.v1.Health/check",
    "/grpc.health.v1.Health/CHECK",
    "/grpc.health.v1.Health/Check/",
    "/grpc.health.v1.Health/Check/..",
    "/grpc.health.v1.Health/Check ",
    "/grpc.health.v1.Health/Check%00",
    "/grpc.health.v1.Health/Check?x=1",
    "/grpc.health.v1.Health/Check#x",
    "/grpc.health.v1.Health/Check;x",
    "/grpc.health.v1.Health/%43heck",
    "/grpc.health.v1.Health/Checks",
    "/grpc.health.v1.Health/Chec",
    "/grpc.health.v1.Health/List",
    "/grpc.health.v1.Health/",
    "/grpc.health.v1.Health",
    "/grpc.health.v1.health/Check",
    "/grpc.health.v2.Health/Check",
    "/grpc.health.v1.Health//Check",
    "//grpc.health.v1.Health/Check",
    "/./grpc.health.v1.Health/Check",
    "/x/../grpc.health.v1.Health/Check",
    "/x/grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Check",
    "http://localhost/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Check/dashboard.DashboardKpisService/GetKpis",
    "/dashboard.DashboardKpisService/Check",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/grpc.channelz.v1.Channelz/GetServers",
]

NOWHERE = [
    "",
    "/",
    "//",
    "*",
    "x",
    "/x",
    "/x/y",
    "/x/y/z",
    "/dashboard.DashboardKpisService",
    "/dashboard.DashboardKpisService/",
    "/dashboard.DashboardKpisService/getKpis",
    "/dashboard.DashboardKpisService/GetKpis/",
    "/dashboard.DashboardKpisService/GetKpis%00",
    "/clients.ClientBaseService/List",
    "/../../x",
    "/" + "x" * 10_000,
    "/é/è",
]


async def status_of(probe: Probe, path: str, token: str = "") -> int | None:
    """The status of a call of *path* with *token*, by default without one."""
    async with Http2Connection(probe.address) as connection:
        headers = [*grpc_headers(path), *(bearer(token) if token else ())]
        return (await connection.answer(connection.open(headers))).status


@pytest.mark.parametrize("path", [*NEAR, *NOWHERE], ids=lambda path: repr(path[:60]))
async def test_a_path_that_is_not_exactly_exempt_needs_a_token(probe: Probe, path: str) -> None:
    """UNAUTHENTICATED is told for every path but the exempt ones, and the server serves the next caller."""
    assert await status_of(probe, path) == grpc.StatusCode.UNAUTHENTICATED.value[0]
    await probe.accepts(bearer(probe.token()))


@pytest.mark.parametrize("path", [*NEAR, *NOWHERE], ids=lambda path: repr(path[:60]))
async def test_a_method_that_does_not_exist_is_unimplemented(probe: Probe, path: str) -> None:
    """A caller with a token is told UNIMPLEMENTED, and the server serves the next caller."""
    assert await status_of(probe, path, probe.token()) == grpc.StatusCode.UNIMPLEMENTED.value[0]
    await probe.accepts(bearer(probe.token()))


async def test_health_is_answered_without_a_token_and_with_a_bad_one(probe: Probe) -> None:
    """The exempt methods do not read the token."""
    bad = [*bearer("a.b.c")]
    async with Http2Connection(probe.address) as connection:
        assert [(await connection.call(CHECK, metadata)).status for metadata in ([], bad)] == [0, 0]


async def test_an_exempt_call_exempts_no_other_on_its_connection(probe: Probe) -> None:
    """Each call is judged by its own path: after a call of health another one still needs a token."""
    known = len(probe.callers)
    async with Http2Connection(probe.address) as connection:
        statuses = [(await connection.call(path)).status for path in (CHECK, METHOD, CHECK)]
    assert (statuses, len(probe.callers)) == ([0, grpc.StatusCode.UNAUTHENTICATED.value[0], 0], known)


BROKEN: dict[str, bytes] = {
    "no message": b"",
    "half a length": b"\0\0",
    "less than announced": b"\0\0\0\0\x09abc",
    "compressed without saying how": message(b"x", compressed=True),
    "four gigabytes announced": b"\0\xff\xff\xff\xff",
    "no protobuf": message(b"\xff\xff\xff\xff"),
    "a text that is not UTF-8": message(b"\x0a\x02\xc3\x28"),
    "five megabytes announced": b"\0" + (5_000_000).to_bytes(4) + bytes(9),
}
TOO_MUCH: dict[str, bytes] = {
    "two messages": message(b"") + message(b""),
    "hundred messages": message(b"") * 100,
    "half a message more": message(b"") + b"\0\0\0",
    "an unknown flag": b"\x7f\0\0\0\0",
}


@pytest.mark.parametrize("body", (BROKEN | TOO_MUCH).values(), ids=BROKEN | TOO_MUCH)
async def test_a_bad_body_without_a_token_is_unauthenticated(probe: Probe, body: bytes) -> None:
    """Authentication comes before the body is read, so its defects make no difference."""
    async with Http2Connection(probe.address) as connection:
        answer = await connection.call(METHOD, (), body)
    assert answer.status == grpc.StatusCode.UNAUTHENTICATED.value[0]
    await probe.accepts(bearer(probe.token()))


@pytest.mark.parametrize("body", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_bytes_behind_the_one_message_are_not_read(probe: Probe, body: bytes) -> None:
    """A call has one request: the handler runs once, and the caller gets one answer."""
    known = len(probe.callers)
    async with Http2Connection(probe.address) as connection:
        answer = await connection.call(METHOD, bearer(probe.token()), body)
    assert (answer.status, len(probe.callers)) == (0, known + 1)


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_a_bad_body_with_a_token_reaches_no_handler(probe: Probe, body: bytes) -> None:
    """The call ends with an error, the handler is not entered, and the server serves the next caller."""
    known = len(probe.callers)
    async with Http2Connection(probe.address) as connection:
        answer = await connection.call(METHOD, bearer(probe.token()), body)
    assert answer.status not in (0, grpc.StatusCode.UNKNOWN.value[0])
    assert len(probe.callers) == known
    await probe.accepts(bearer(probe.token()))


async def test_a_caller_without_a_token_is_refused_before_it_has_sent_its_request(probe: Probe) -> None:
    """A caller without a token cannot make the server wait for a body."""
    async with Http2Connection(probe.address) as connection:
        stream = connection.open(grpc_headers(METHOD), body=None)
        answer = await connection.answer(stream)
    assert answer.status == grpc.StatusCode.UNAUTHENTICATED.value[0]


async def test_a_server_answers_after_a_hundred_cancelled_calls(probe: Probe) -> None:
    """Calls cancelled before they have sent their request do not keep the next caller from an answer."""
    async with Http2Connection(probe.address) as connection:
        for _ in range(100):
            stream = connection.open([*grpc_headers(METHOD), *bearer(probe.token())], body=None)
            connection.send(RstStreamFrame(stream, error_code=CANCEL))
    await probe.accepts(bearer(probe.token()))


async def test_a_body_in_many_frames_is_one_request(probe: Probe) -> None:
    """A message sent one byte per frame is read like one sent at once."""
    async with Http2Connection(probe.address) as connection:
        stream = connection.open([*grpc_headers(METHOD), *bearer(probe.token())], body=None)
        for byte in message(b"\x12\x01x"):
            connection.send(DataFrame(stream, bytes([byte])))
        connection.send(DataFrame(stream, flags=["END_STREAM"]))
        assert (await connection.answer(stream)).status == 0
