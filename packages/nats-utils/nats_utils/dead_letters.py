"""Messages that a consumer gave up: kept with the consumer, announced on the bus, replayable.

A dead letter is written in the transaction that gives up, together with the claim of the
event, so that it ends exactly once. `ask_replay` marks it; the service's own replayer runs
the handler again, for this consumer only and without the broker, so no duplicate window
can swallow it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from db_utils import Transaction, clock, failpoint
from sqlalchemy import ARRAY, BigInteger, any_, bindparam, select, update

from nats_utils.events import DEAD_LETTERS_STREAM, EventType
from nats_utils.outbox import CORRELATION, LARGEST, correlation_headers
from nats_utils.processed_events import ProcessedEventsRepository
from nats_utils.subscription import Delivery
from nats_utils.tables import DEAD, DROPPED, REPLAYED, REPLAYING, DeadLetter, OutboxRow

OMITTED = "x-omitted-bytes"  # on the announcement of a message that is too large to be repeated
_LONGEST_ERROR = 500

_TO_REPLAY = (
    select(DeadLetter)
    .where(DeadLetter.status == REPLAYING, DeadLetter.consumer == bindparam("consumer"))
    .order_by(DeadLetter.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_MARK = (
    update(DeadLetter)
    .where(
        DeadLetter.id == any_(bindparam("ids", type_=ARRAY(BigInteger))),
        DeadLetter.status == DEAD,
    )
    .values(
        status=bindparam("wanted", type_=DeadLetter.status.type),
        updated_at=bindparam("now", type_=DeadLetter.updated_at.type),
    )
)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message at the end of its attempts; without an *error* the process itself ended each time."""

    consumer: str
    kind: EventType
    delivery: Delivery
    error: BaseException | None
    attempts: int


async def bury(tx: Transaction, given_up: GivenUp) -> bool:
    """Write *given_up* to the dead letters; False when its event was dealt with before."""
    delivery, kind = given_up.delivery, given_up.kind
    repository = ProcessedEventsRepository(given_up.consumer)
    if not await repository.mark_processed(tx, delivery.event_id, kind.name):
        return False
    failpoint("dead_letter.after_claim")
    await tx.insert(
        DeadLetter(
            consumer=given_up.consumer,
            event_type=kind.name,
            message_key=str(delivery.event_id),
            subject=delivery.message.subject,
            payload=delivery.message.data,
            error=_reason(given_up.error),
            attempts=given_up.attempts,
        )
    )
    tx.insert_at_commit(_announcement(given_up))
    failpoint("dead_letter.before_commit")
    return True


def _announcement(given_up: GivenUp) -> OutboxRow:
    message = given_up.delivery.message
    headers = correlation_headers((message.headers or {}).get(CORRELATION, ""))
    payload = message.data
    if len(payload) > LARGEST:
        headers, payload = {**headers, OMITTED: str(len(payload))}, b""
    service = given_up.consumer.partition("--")[0]
    return OutboxRow(
        message_id=f"dlq:{given_up.consumer}:{given_up.delivery.event_id}:1",
        stream=DEAD_LETTERS_STREAM,
        subject=f"crm.dlq.{service}.{given_up.kind.token}",
        payload=payload,
        headers=headers,
    )


def _reason(error: BaseException | None) -> str:
    """The error in one line that any text column takes."""
    if error is None:
        return "the process ended while handling it"
    told = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
    return told.encode(errors="replace").decode().replace("\x00", "")


async def ask_replay(tx: Transaction, ids: Collection[int]) -> int:
    """Have the dead letters *ids* handled again by their services; how many were dead."""
    return await tx.execute(_MARK, ids=list(ids), wanted=REPLAYING, now=clock.now())


async def drop(tx: Transaction, ids: Collection[int]) -> int:
    """Close the dead letters *ids* without handling them; how many were dead."""
    return await tx.execute(_MARK, ids=list(ids), wanted=DROPPED, now=clock.now())


async def next_replay(tx: Transaction, consumer: str) -> DeadLetter | None:
    """A dead letter of *consumer* that somebody asked to replay, locked for this replica."""
    return await tx.one(_TO_REPLAY, consumer=consumer)


async def replayed(tx: Transaction, letter: DeadLetter) -> None:
    """Note that the handler has succeeded this time."""
    await tx.update(letter, status=REPLAYED, updated_at=clock.now())


async def failed_again(tx: Transaction, letter: DeadLetter, error: Exception | None) -> None:
    """Note that the handler has failed again; the letter stays dead."""
    attempts = letter.attempts + 1
    await tx.update(letter, status=DEAD, error=_reason(error), attempts=attempts, updated_at=clock.now())
