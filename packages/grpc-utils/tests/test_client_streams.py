"""The pipeline around client streams: the checks of a unary call, then messages one by one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from db_utils import SerializationConflict, context
from grpc_utils import Context, caller, deadline, incoming
from grpc_utils.errors import ChampRequis
from service_testing import code_of, eventually, refusal
from service_testing.echo import Echo, echoing


async def joined(requests: AsyncIterator[Any], context: Context) -> Any:
    """Answer the texts of all messages."""
    return Echo(text=" ".join([request.text async for request in requests]))


async def never(requests: AsyncIterator[Any], context: Context) -> Any:
    """Fail: no call may reach this handler."""
    raise AssertionError("the handler was entered")


async def test_all_messages_reach_the_handler_in_order() -> None:
    """The first one, which was looked at before, too; texts are clean as those of other requests (C10)."""
    async with echoing(Collect=joined) as echo:
        assert (await echo.collect("a", " b\u200b ", "c")).text == "a b c"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"caller": []}, grpc.StatusCode.UNAUTHENTICATED),
        ({"organisation_id": "org-2"}, grpc.StatusCode.PERMISSION_DENIED),
    ],
    ids=["no token", "another organisation"],
)
async def test_a_stream_is_refused_before_the_handler(options: Any, code: grpc.StatusCode) -> None:
    """By its metadata and by its first message."""
    async with echoing(Collect=never) as echo:
        assert await code_of(echo.collect("a", "b", **options)) == code


async def test_C6_a_later_message_names_no_other_organisation() -> None:
    """The organisation was decided by the first one; saying it again is no harm."""
    async with echoing(Collect=joined) as echo:
        user, organisation = echo.user(organisation="org-1"), "org-1"
        call = echo.collect(caller=user)
        await call.write(echo.message("a", organisation_id=organisation))
        await call.write(echo.message("b", organisation_id=organisation))
        await call.write(echo.message("c", organisation_id="org-2"))
        await call.done_writing()
        told = await refusal(call)
    assert (told.code, told.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ORGANISATION_DIFFERENTE")


async def test_a_stream_without_a_message_is_refused() -> None:
    """There is nothing that says whose call it is."""
    async with echoing(Collect=never) as echo:
        call = echo.collect()
        await call.done_writing()
        assert (await refusal(call)).reason == "REQUETE_ILLISIBLE"


async def test_a_message_that_cannot_be_read_is_refused() -> None:
    """Wherever in the stream it stands."""
    async with echoing(Collect=joined) as echo, grpc.aio.insecure_channel(echo.address) as channel:
        raw: Any = channel.stream_unary("/echo.EchoService/Collect")
        told = await refusal(raw([b"", b"\xff\xff\xff"], metadata=echo.user()))
    assert told.reason == "REQUETE_ILLISIBLE"


async def test_the_context_of_a_unary_call_is_there() -> None:
    """Caller, correlation id and the time that is left, also after the first message."""

    async def tell(requests: AsyncIterator[Any], _: Context) -> Any:
        async for _request in requests:
            told = f"{caller().user_id} {context.correlation_id.get()} {deadline.shortened(100.0)}"
        return Echo(text=told)

    async with echoing(Collect=tell) as echo:
        call = echo.collect("a", "b", metadata=[("x-correlation-id", "trace-1")])
        assert (await call).text == "demo trace-1 100.0"
        assert dict(await call.trailing_metadata())["x-correlation-id"] == "trace-1"


async def test_a_refusal_need_not_wait_for_the_end() -> None:
    """The caller is told while it still sends."""

    async def refuse(requests: AsyncIterator[Any], _: Context) -> Any:
        await anext(requests)
        raise ChampRequis(champ="text")

    async with echoing(Collect=refuse) as echo:
        call = echo.collect()
        await call.write(echo.message("a"))
        assert (await refusal(call)).reason == "CHAMP_REQUIS"


async def test_a_caller_who_falls_silent_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that neither goes on nor ends would hold its call and all that belongs to it."""
    monkeypatch.setattr(incoming, "PATIENCE", 0.05)
    async with echoing(Collect=joined) as echo:
        call = echo.collect()
        await call.write(echo.message("a"))
        told = await refusal(call)
    assert (told.code, told.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "FLUX_INTERROMPU")


async def test_the_caller_waits_for_the_handler() -> None:
    """Messages that the handler has not asked for stay with the caller, but for what connections buffer."""
    may_read, sent = asyncio.Event(), 0

    async def slow(requests: AsyncIterator[Any], _: Context) -> Any:
        await may_read.wait()
        return Echo(text=str([len(request.text) async for request in requests].count(100_000)))

    async with echoing(Collect=slow) as echo:
        call = echo.collect()

        async def send() -> None:
            nonlocal sent
            for _ in range(200):
                await call.write(echo.message("x" * 100_000))
                sent += 1
            await call.done_writing()

        sending = asyncio.create_task(send())
        await eventually(lambda: sent > 0)
        held = sent
        may_read.set()
        await sending
        assert (held < 200, (await call).text) == (True, "200")


async def test_a_conflict_is_told_at_once() -> None:
    """What was read cannot be read again, so the handler is not run again (C12)."""
    runs = 0

    async def collide(requests: AsyncIterator[Any], _: Context) -> Any:
        nonlocal runs
        runs += 1
        raise SerializationConflict

    async with echoing(Collect=collide) as echo:
        assert (await refusal(echo.collect("a"))).reason == "CONFLIT_D_ECRITURE"
    assert runs == 1


@pytest.mark.parametrize("by", ["cancel", "hang up"])
async def test_a_stream_that_is_cut_never_looks_ended(by: str) -> None:
    """Its handler is stopped where it waits, whatever comes first, the end of the messages or of the call."""
    ends: list[str] = []
    begun: asyncio.Queue[None] = asyncio.Queue()

    async def count(requests: AsyncIterator[Any], _: Context) -> Any:
        try:
            await anext(requests)
            begun.put_nowait(None)
            async for _request in requests:
                pass
            ends.append("ended")
        except BaseException:
            ends.append("stopped")
            raise
        return Echo()

    async with echoing(Collect=count) as echo:
        for number in range(100):
            channel = grpc.aio.insecure_channel(echo.address, (("grpc.use_local_subchannel_pool", 1),))
            kind: Any = channel.stream_unary("/echo.EchoService/Collect", Echo.SerializeToString)
            call = kind(metadata=echo.user())
            await call.write(echo.message("a"))
            await begun.get()
            if number % 2:
                await call.write(echo.message("b" * 70_000))
            if by == "cancel":
                call.cancel()
            await channel.close()
        await eventually(lambda: len(ends) == 100)
    assert ends == ["stopped"] * 100
