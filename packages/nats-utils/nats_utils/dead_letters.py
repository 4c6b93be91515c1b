"""Messages that a consumer gave up: kept in its database, announced on the bus, replayable.

A dead letter is written in one transaction with the claim of its event, so that the event
ends exactly once. `crm dlq replay` marks it; the service's own `replayer.py` runs the handler
again, for this consumer only and without the broker (decision 4).
"""

from dataclasses import dataclass

from db_utils import Transaction, clock, failpoint
from sqlalchemy import bindparam, select

from nats_utils.deliveries import Delivery
from nats_utils.events import DEAD_LETTERS_STREAM, EventType
from nats_utils.outbox import CORRELATION, LARGEST, correlation_headers
from nats_utils.processed_events import ProcessedEventsRepository
from nats_utils.tables import DEAD, REPLAYED, REPLAYING, DeadLetter, OutboxRow
from nats_utils.traced_events import carrier_of

OMITTED = "x-omitted-bytes"  # header of an announcement without its payload, which was too large
_LONGEST_ERROR = 500  # characters, the width of its column

# SKIP LOCKED: replicas take different letters instead of waiting for the same one.
_TO_REPLAY = (
    select(DeadLetter)
    .where(DeadLetter.status == REPLAYING, DeadLetter.consumer == bindparam("consumer"))
    .order_by(DeadLetter.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message given up after *attempts* attempts.

    *error* is what the last one raised, None when every attempt had ended the process.
    """

    consumer: str
    kind: EventType
    delivery: Delivery
    error: BaseException | None
    attempts: int


async def write_dead_letter(tx: Transaction, given_up: GivenUp) -> bool:
    """Claim the event of *given_up* and write its dead letter; False if it had been claimed before."""
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
            trace=dict(carrier_of(delivery.message)) or None,
        )
    )
    tx.insert_at_commit(_announcement(given_up))
    failpoint("dead_letter.before_commit")
    return True


def _announcement(given_up: GivenUp) -> OutboxRow:
    message = given_up.delivery.message
    headers = {**correlation_headers((message.headers or {}).get(CORRELATION, "")), **carrier_of(message)}
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
    """*error* as a text that its column takes: short, valid UTF-8, without NUL."""
    if error is None:
        return "the process ended while handling it"
    told = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
    return told.encode(errors="replace").decode().replace("\x00", "")


async def next_replay(tx: Transaction, consumer: str) -> DeadLetter | None:
    """The oldest dead letter of *consumer* that is marked for a replay; *tx* holds its lock."""
    return await tx.one(_TO_REPLAY, consumer=consumer)


async def replayed(tx: Transaction, letter: DeadLetter) -> None:
    """Close *letter*, whose handler has succeeded in *tx*."""
    await tx.update(letter, status=REPLAYED, updated_at=clock.now())


async def failed_again(tx: Transaction, letter: DeadLetter, error: Exception | None) -> None:
    """Put *letter* back among the dead ones with its new *error*; without one it ended the process."""
    attempts = letter.attempts + 1
    await tx.update(letter, status=DEAD, error=_reason(error), attempts=attempts, updated_at=clock.now())
