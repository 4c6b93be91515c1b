"""Best-effort calls caused by calls with an `idempotency-key`: made once their cause is committed (C14)."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from db_utils import Database, Scope, context, within
from grpc_utils import Afterwards, Context, Idempotency
from grpc_utils.idempotency import IdempotencyKey
from service_testing import eventually, fresh_database, refusal
from service_testing.echo import echoing

KEY = [("idempotency-key", "key-1")]


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """The schema of the clients service, empty."""
    database = Database(fresh_database(), "clients")
    await database.open()
    yield database
    await database.close()


class Cause:
    """A handler that starts a call afterwards, and what was committed when the call was made."""

    def __init__(self, database: Database) -> None:
        self.committed, self.calls = 0, list[tuple[int, Scope]]()
        self.failures: list[Exception] = []
        self._afterwards = Afterwards()
        database.on_written(IdempotencyKey, self._count)

    def _count(self) -> None:
        self.committed += 1

    async def handle(self, request: Any, _context: Context) -> Any:
        """Start the call for an organisation of its own; fail afterwards, if told to."""
        with within(Scope("org-7")):
            self._afterwards.start("the call", self._call)
        if self.failures:
            raise self.failures.pop()
        return request

    async def _call(self) -> None:
        self.calls.append((self.committed, context.scope.get()))


async def test_C14_a_call_afterwards_waits_for_the_commit_of_its_cause(database: Database) -> None:
    """It is made for the organisation for which it was started; a repetition of the cause makes no second."""
    cause = Cause(database)
    async with echoing(idempotency=Idempotency(database), Write=cause.handle) as echo:
        await echo.call("Write", "a", metadata=KEY)
        await echo.call("Write", "a", metadata=KEY)
        await eventually(lambda: bool(cause.calls))
    assert cause.calls == [(1, Scope("org-7"))]


async def test_C14_a_cause_that_is_undone_has_no_call_afterwards(database: Database) -> None:
    """Only the attempt that was committed has one."""
    cause = Cause(database)
    cause.failures.append(ValueError("undone"))
    async with echoing(idempotency=Idempotency(database), Write=cause.handle) as echo:
        assert (await refusal(echo.call("Write", "a", metadata=KEY))).code == grpc.StatusCode.INTERNAL
        await echo.call("Write", "a", metadata=KEY)
        await eventually(lambda: bool(cause.calls))
    assert cause.calls == [(1, Scope("org-7"))]
