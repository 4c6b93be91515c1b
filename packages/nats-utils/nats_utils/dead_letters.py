"""Messages that a consumer gave up: kept with the consumer, announced on the bus, replayable.

A dead letter is written in the transaction that gives up, together with the claim of the
event, so that it ends exactly once. `crm dlq replay` marks it; the service's own replayer
runs the handler again, for this consumer only and without the broker, so no duplicate
window can swallow it.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from db_utils import Transaction, clock, failpoint
from nats.aio.msg import Msg
from sqlalchemy import bindparam, select

from nats_utils.events import DEAD_LETTERS_STREAM, EventType
from nats_utils.outbox import CORRELATION, MESSAGE_ID
from nats_utils.processed_events import ProcessedEventsRepository
from nats_utils.tables import DEAD, REPLAYED, REPLAYING, DeadLetter, OutboxRow

_log = logging.getLogger(__name__)
_LONGEST_ERROR = 500

_TO_REPLAY = (
    select(DeadLetter)
    .where(DeadLetter.status == REPLAYING, DeadLetter.consumer == bindparam("consumer", required=True))
    .order_by(DeadLetter.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message at the end of its attempts; *event_id* is None when it could not be read."""

    consumer: str
    kind: EventType
    message: Msg
    event_id: UUID | None
    error: BaseException | None
    attempts: int

    @property
    def key(self) -> str:
        """What identifies the message among the dead letters of its consumer."""
        headers = self.message.headers or {}
        return str(self.event_id or headers.get(MESSAGE_ID) or f"seq-{self.message.metadata.sequence.stream}")

    @property
    def reason(self) -> str:
        """The error in one line; empty when the process itself died each time."""
        if self.error is None:
            return "the process ended while handling it"
        return f"{type(self.error).__name__}: {self.error}"[:_LONGEST_ERROR].replace("\x00", "")


async def bury(tx: Transaction, given_up: GivenUp) -> bool:
    """Write *given_up* to the dead letters; False when its event was dealt with before."""
    if given_up.event_id is not None:
        repository = ProcessedEventsRepository(given_up.consumer)
        if not await repository.mark_processed(tx, given_up.event_id, given_up.kind.name):
            return False
    service = given_up.consumer.partition("--")[0]
    headers = given_up.message.headers or {}
    await tx.insert(
        DeadLetter(
            consumer=given_up.consumer,
            event_type=given_up.kind.name,
            message_key=given_up.key,
            subject=given_up.message.subject,
            payload=given_up.message.data,
            error=given_up.reason,
            attempts=given_up.attempts,
        )
    )
    tx.insert_at_commit(
        OutboxRow(
            message_id=f"dlq:{given_up.consumer}:{given_up.key}:1",
            stream=DEAD_LETTERS_STREAM,
            subject=f"crm.dlq.{service}.{given_up.kind.token}",
            payload=given_up.message.data,
            headers={CORRELATION: headers[CORRELATION]} if CORRELATION in headers else {},
        )
    )
    failpoint("dead_letter.before_commit")
    return True


async def next_replay(tx: Transaction, consumer: str) -> DeadLetter | None:
    """A dead letter of *consumer* that somebody asked to replay, locked for this replica."""
    return await tx.one(_TO_REPLAY, consumer=consumer)


async def replayed(tx: Transaction, letter: DeadLetter) -> None:
    """Note that the handler has succeeded this time."""
    await tx.update(letter, status=REPLAYED, updated_at=clock.now())


async def failed_again(tx: Transaction, letter: DeadLetter, error: Exception) -> None:
    """Note that the handler has failed again; the letter stays dead."""
    reason = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR].replace("\x00", "")
    await tx.update(letter, status=DEAD, error=reason, attempts=letter.attempts + 1, updated_at=clock.now())
