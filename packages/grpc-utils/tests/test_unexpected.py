"""What nobody expected: the caller learns an opaque id, the log learns everything else."""

import logging
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from db_utils import DatabaseError, Undecipherable
from grpc_utils import Context
from service_testing import refusal
from service_testing.echo import Echo, echoing

SECRET = "postgresql://crm:hunter2@db/crm"


class Unprintable(Exception):
    """An exception that cannot even be shown."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)


class Untranslated(DatabaseError):
    """An answer of the database that the edge does not know."""


def deep() -> BaseException:
    """An exception with a history."""
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise ValueError(SECRET) from cause
    except ValueError as error:
        return error


RAISED: dict[str, Callable[[], BaseException]] = {
    "an error of values": lambda: ValueError(SECRET),
    "an error with a cause": deep,
    "a group of errors": lambda: ExceptionGroup(SECRET, [ValueError(SECRET)]),
    "an assertion": lambda: AssertionError(SECRET),
    "an exception that cannot be shown": Unprintable,
    "an error of encoding": lambda: UnicodeEncodeError("utf-8", SECRET, 0, 1, "surrogates"),
    "a timeout": lambda: TimeoutError(SECRET),
    "the end of an iteration": lambda: StopAsyncIteration(SECRET),
    "a lost file": lambda: FileNotFoundError(2, SECRET, SECRET),
    "an error of another library": lambda: grpc.RpcError(SECRET),
    "an error of the database that nobody translated": lambda: Untranslated(SECRET),
    "the base of those errors": lambda: DatabaseError(SECRET),
}


@pytest.mark.parametrize("make", RAISED.values(), ids=RAISED)
async def test_C7_an_unexpected_exception_is_told_as_an_opaque_id(
    make: Callable[[], BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """INTERNAL; the status, its details and the trailers hold nothing of it; the log has it all."""

    async def fail(request: Any, context: Context) -> Any:
        raise make()

    async with echoing(Write=fail) as echo:
        call = echo.call("Write", metadata=[("x-correlation-id", "trace-1")])
        told = await refusal(call)
        trailers = repr(await call.trailing_metadata())
    assert (told.code, told.reason) == (grpc.StatusCode.INTERNAL, "ERREUR_INTERNE")
    assert (told.message, told.metadata) == (
        "Une erreur interne est survenue.",
        {"correlation_id": "trace-1"},
    )
    assert [part for part in ("hunter2", "Exception", "Traceback", ".py") if part in trailers] == []
    (logged,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert logged.exc_info is not None


RETURNED: dict[str, Any] = {"nothing": None, "a text": "a", "bytes": b"a", "a class": Echo}


@pytest.mark.parametrize("value", RETURNED.values(), ids=RETURNED)
async def test_a_handler_that_answers_no_message_is_a_bug(value: Any) -> None:
    """Told like any other."""

    async def err(request: Any, context: Context) -> Any:
        return value

    async with echoing(Write=err) as echo:
        assert (await refusal(echo.call("Write"))).reason == "ERREUR_INTERNE"


async def test_a_handler_that_aborts_by_itself_ends_its_call(caplog: pytest.LogCaptureFixture) -> None:
    """It should raise a refusal; but its status is told as it is, and is no failure of ours."""

    async def abort(request: Any, context: Context) -> Any:
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "trop loin")

    async with echoing(Write=abort) as echo:
        told = await refusal(echo.call("Write"))
    assert (told.code, told.message) == (grpc.StatusCode.OUT_OF_RANGE, "trop loin")
    assert caplog.records == []


async def test_an_answer_that_is_too_large_is_refused() -> None:
    """The limit of a message counts in both directions."""

    async def much(request: Any, context: Context) -> Any:
        return Echo(text="x" * 5_000_000)

    async with echoing(Read=much) as echo:
        assert (await refusal(echo.call("Read"))).code == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_C15_a_value_that_cannot_be_deciphered_is_told_as_that() -> None:
    """With the id under which the log has it, and no word of its own."""

    async def answer(request: Any, context: Context) -> Any:
        raise Undecipherable(SECRET)

    async with echoing(Write=answer) as echo:
        told = await refusal(echo.call("Write"))
    assert (told.code, told.reason) == (grpc.StatusCode.INTERNAL, "DECHIFFREMENT")
    assert (list(told.metadata), SECRET in told.message) == (["correlation_id"], False)
