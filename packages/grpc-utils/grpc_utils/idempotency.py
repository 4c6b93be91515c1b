"""Idempotency keys in metadata: a mutating call with one runs once, however often it is sent (C21).

The response is stored in the transaction of the call itself, so that a crash leaves
either both or neither. Keys are kept for a day and belong to one caller and method. Keys that
are fields of a request, and the content to which all keys are bound, are in `keyed.py`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from db_utils import Conflict, Database, Retention, Row, clock, failpoint, metadata
from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from grpc_utils.errors import CleIdempotenceReutilisee, FormatInvalide
from grpc_utils.headers import IDEMPOTENCY_KEY

__all__ = [
    "RETENTION",
    "Base",
]

KEPT = timedelta(days=1)  # a repetition comes within minutes (C21)
_LONGEST = 128  # characters (C21)


class Base(Row):
    """Base of the tables of the call pipeline, which are part of every service's schema."""

    __abstract__ = True
    metadata = metadata()


class IdempotencyKey(Base):
    """The stored answer to one call."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    method: Mapped[str] = mapped_column(String(200), primary_key=True)
    caller: Mapped[str] = mapped_column(String(255), primary_key=True)
    key: Mapped[str] = mapped_column(String(_LONGEST), primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    response: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


RETENTION = Retention(IdempotencyKey, IdempotencyKey.created_at, KEPT)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call that carries a key; *content* is the hash of its request (`keyed.content_hash`).

    That of a stream is known at its end: see `Idempotency.once_streamed`.
    Raises FormatInvalide for a key that is not 1 to 128 printable characters.
    """

    method: str
    caller: str
    key: str
    content: bytes = b""

    @property
    def identity(self) -> tuple[str, str, str]:
        """The primary key of its stored answer."""
        return self.method, self.caller, self.key

    def answer(self, response: bytes) -> IdempotencyKey:
        """The row that keeps *response*."""
        return IdempotencyKey(
            method=self.method,
            caller=self.caller,
            key=self.key,
            request_hash=self.content,
            response=response,
        )

    def __post_init__(self) -> None:
        if not 0 < len(self.key) <= _LONGEST or not self.key.isprintable():
            raise FormatInvalide(champ=IDEMPOTENCY_KEY)


class Idempotency:
    """Runs attempts against the stored answers of *database*."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def once(self, attempt: Attempt, call: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the stored response of *attempt*; without one, run *call* and store its response.

        Raises CleIdempotenceReutilisee when the key came with another content before.
        """
        try:
            async with self._database.held() as tx:
                stored = await tx.get(IdempotencyKey, attempt.identity)
                if stored is not None:
                    return _checked(stored, attempt)
                response = await call()
                failpoint("idempotency.before_store")
                # With the commit, after the rows of the handler: the unique index then makes a
                # second call of this key wait for the commit alone, not for the handler.
                tx.insert_at_commit(attempt.answer(response))
            return response
        except Conflict:
            # Either another call of this key has committed first, and its answer counts, or the
            # conflict is the handler's own and is told to the caller.
            twin = await self._stored(attempt)
            if twin is None:
                raise
            return _checked(twin, attempt)

    async def once_streamed(
        self,
        attempt: Attempt,
        content: Callable[[], Awaitable[bytes]],
        call: Callable[[], Awaitable[bytes]],
    ) -> bytes:
        """Like `once` for a call whose request is a stream; *content* reads its rest and hashes all of it.

        The handler's own first statement begins the transaction: no connection to the database waits
        for the stream.
        """
        stored = await self._stored(attempt)
        if stored is not None:
            return _checked(stored, replace(attempt, content=await content()))
        try:
            async with self._database.held() as tx:
                response = await call()
                complete = replace(attempt, content=await content())
                failpoint("idempotency.before_store")
                tx.insert_at_commit(complete.answer(response))
            return response
        except Conflict:
            twin = await self._stored(attempt)
            if twin is None:
                raise
            return _checked(twin, replace(attempt, content=await content()))

    async def _stored(self, attempt: Attempt) -> IdempotencyKey | None:
        return await self._database.read().get(IdempotencyKey, attempt.identity)


def _checked(stored: IdempotencyKey, attempt: Attempt) -> bytes:
    if stored.request_hash != attempt.content:
        raise CleIdempotenceReutilisee
    return stored.response
