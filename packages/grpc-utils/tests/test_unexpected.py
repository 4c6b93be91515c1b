"""Unexpected exceptions: the caller is told an opaque id, the log has everything else (C7)."""

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
    """An exception whose text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)


class Untranslated(DatabaseError):
    """An error of the database for which the pipeline has no refusal."""


def deep() -> BaseException:
    """An exception with a cause."""
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
    "an exception without a text": Unprintable,
    "an error of encoding": lambda: UnicodeEncodeError("utf-8", SECRET, 0, 1, "surrogates"),
    "a timeout": lambda: TimeoutError(SECRET),
    "the end of an iteration": lambda: StopAsyncIteration(SECRET),
    "a lost file": lambda: FileNotFoundError(2, SECRET, SECRET),
    "an error of another library": lambda: grpc.RpcError(SECRET),
    "an error of the database that nobody translated": lambda: Untranslated(SECRET),
    "the base of those errors": lambda: DatabaseError(SECRET),
}


@pytest.mark.parametrize("make", RAISED.values(), ids=RAISED)
async def test_C7_the_caller_of_an_unexpected_exception_gets_an_opaque_id(
    make: Callable[[], BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """Status, details and trailers of INTERNAL hold nothing of the exception; the log has its traceback."""

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
    """The caller is told ERREUR_INTERNE when a handler returns something else than a message."""

    async def err(request: Any, context: Context) -> Any:
        return value

    async with echoing(Write=err) as echo:
        assert (await refusal(echo.call("Write"))).reason == "ERREUR_INTERNE"


async def test_a_handler_that_aborts_by_itself_ends_its_call(caplog: pytest.LogCaptureFixture) -> None:
    """The status of `context.abort` reaches the caller unchanged, and nothing is logged as a bug."""

    async def abort(request: Any, context: Context) -> Any:
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "trop loin")

    async with echoing(Write=abort) as echo:
        told = await refusal(echo.call("Write"))
    assert (told.code, told.message) == (grpc.StatusCode.OUT_OF_RANGE, "trop loin")
    assert caplog.records == []


async def test_an_answer_that_is_too_large_is_refused() -> None:
    """An answer above 4 MiB is RESOURCE_EXHAUSTED: the limit of a message counts in both directions."""

    async def much(request: Any, context: Context) -> Any:
        return Echo(text="x" * 5_000_000)

    async with echoing(Read=much) as echo:
        assert (await refusal(echo.call("Read"))).code == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_C15_a_value_that_cannot_be_deciphered_has_a_reason_of_its_own() -> None:
    """INTERNAL DECHIFFREMENT carries the correlation id and nothing of the value."""

    async def answer(request: Any, context: Context) -> Any:
        raise Undecipherable(SECRET)

    async with echoing(Write=answer) as echo:
        told = await refusal(echo.call("Write"))
    assert (told.code, told.reason) == (grpc.StatusCode.INTERNAL, "DECHIFFREMENT")
    assert (list(told.metadata), SECRET in told.message) == (["correlation_id"], False)
