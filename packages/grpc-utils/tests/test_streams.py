"""The pipeline around server streams: the checks of a unary call, and handlers that end with their call."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from db_utils import clock, context
from grpc_utils import Context, caller, deadline
from grpc_utils.errors import Introuvable
from service_testing import eventually
from service_testing.echo import Echo, echoing


async def ended(stream: Any) -> tuple[list[str], grpc.StatusCode]:
    """The texts of *stream* and the status of its end."""
    texts = []
    try:
        async for echoed in stream:
            texts.append(echoed.text)
    except grpc.aio.AioRpcError as error:
        return texts, error.code()
    return texts, grpc.StatusCode.OK


async def count(request: Any, context: Context) -> AsyncIterator[Any]:
    """Answer three messages."""
    for number in range(3):
        yield Echo(text=f"{request.text}{number}")


async def test_a_stream_is_answered_message_by_message() -> None:
    """The caller gets all messages in order, then OK."""
    async with echoing(Stream=count) as echo:
        assert await ended(echo.stream("n")) == (["n0", "n1", "n2"], grpc.StatusCode.OK)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"caller": []}, grpc.StatusCode.UNAUTHENTICATED),
        ({"organisation_id": "org-2"}, grpc.StatusCode.PERMISSION_DENIED),
    ],
    ids=["no token", "another organisation"],
)
async def test_a_stream_is_refused_before_its_first_message(options: Any, code: grpc.StatusCode) -> None:
    """Authentication and tenancy refuse a stream before its handler runs."""
    entered = []

    async def note(request: Any, _: Context) -> AsyncIterator[Any]:
        entered.append(request)
        yield request

    async with echoing(Stream=note) as echo:
        assert await ended(echo.stream(**options)) == ([], code)
    assert entered == []


async def test_a_stream_has_caller_deadline_and_correlation_id() -> None:
    """The context of a unary call is there for each message of a stream, also after the first."""

    async def tell(request: Any, _: Context) -> AsyncIterator[Any]:
        for _number in range(2):
            yield Echo(text=f"{caller().user_id} {context.correlation_id.get()} {deadline.shortened(100.0)}")
            await asyncio.sleep(0)

    async with echoing(Stream=tell) as echo:
        stream = echo.stream(metadata=[("x-correlation-id", "trace-1")])
        texts, code = await ended(stream)
        trailers = dict(await stream.trailing_metadata())
    assert (texts, code) == (["demo trace-1 100.0"] * 2, grpc.StatusCode.OK)
    assert trailers["x-correlation-id"] == "trace-1"


async def test_a_refusal_may_come_after_messages() -> None:
    """The caller gets the messages sent before the refusal, then its status."""

    async def two(request: Any, _: Context) -> AsyncIterator[Any]:
        yield Echo(text="1")
        yield Echo(text="2")
        raise Introuvable

    async with echoing(Stream=two) as echo:
        assert await ended(echo.stream()) == (["1", "2"], grpc.StatusCode.NOT_FOUND)


async def test_C7_an_unexpected_exception_in_a_stream_is_opaque() -> None:
    """The caller gets the messages sent before it, then INTERNAL without a word of the exception."""

    async def fail(request: Any, _: Context) -> AsyncIterator[Any]:
        yield Echo(text="1")
        raise ValueError("hunter2")

    async with echoing(Stream=fail) as echo:
        stream = echo.stream()
        assert await ended(stream) == (["1"], grpc.StatusCode.INTERNAL)
        told = f"{await stream.details()} {await stream.trailing_metadata()}"
    assert "hunter2" not in told


async def test_a_cancelled_stream_ends_its_handler() -> None:
    """The handler is stopped where it waits, and its `finally` runs."""
    closed = []

    async def endless(request: Any, _: Context) -> AsyncIterator[Any]:
        try:
            while True:
                yield request
                await asyncio.sleep(0)
        finally:
            closed.append(request.text)

    async with echoing(Stream=endless) as echo:
        stream = echo.stream("a")
        assert (await stream.read()).text == "a"
        stream.cancel()
        await eventually(lambda: closed == ["a"])


async def test_a_reader_who_takes_nothing_is_left() -> None:
    """The handler ends after the patience of the server; the reader finds out when he reads on."""
    closed: list[bool] = []

    async def endless(request: Any, _: Context) -> AsyncIterator[Any]:
        try:
            while True:
                yield Echo(text="x" * 100_000)
        finally:
            closed.append(True)

    async with echoing(Stream=endless, patience=0.2) as echo:
        stream = aiter(echo.stream())
        assert (await anext(stream)).text
        await eventually(lambda: closed == [True])
        assert (await ended(stream))[1] == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_C5_a_revoked_token_is_sent_nothing_more() -> None:
    """The stream ends with UNAUTHENTICATED instead of its next message."""
    revoked = asyncio.Event()

    async def endless(request: Any, _: Context) -> AsyncIterator[Any]:
        yield request
        await revoked.wait()
        yield request

    async with echoing(Stream=endless) as echo:
        stream = aiter(echo.stream("a", caller=echo.user(jti="jeton-7")))
        assert (await anext(stream)).text == "a"
        echo.revocations.revoke_token("jeton-7", clock.machine() + 60)
        revoked.set()
        assert await ended(stream) == ([], grpc.StatusCode.UNAUTHENTICATED)
