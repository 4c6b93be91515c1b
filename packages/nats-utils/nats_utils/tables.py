"""The messaging tables that every service's schema holds besides its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Choice, Row, clock, metadata
from sqlalchemy import BigInteger, Identity, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

__all__ = [
    "DEAD",
    "DROPPED",
    "REPLAYED",
    "REPLAYING",
    "Base",
    "DeadLetter",
    "OutboxRow",
    "ProcessedEvent",
]

DEAD, REPLAYING, REPLAYED, DROPPED = "dead", "replaying", "replayed", "dropped"


class Base(Row):
    """Tables of the bus."""

    __abstract__ = True
    metadata = metadata()


class OutboxRow(Base):
    """A message to publish, written in the transaction of its cause; kept after the ack.

    *message_id* is the deduplication id on the bus. *stream_sequence* is NULL until the
    broker has confirmed the message, and again if the broker turns out to have lost it.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("message_id"),
        Index("ix_outbox_pending", "id", postgresql_where=text("stream_sequence IS NULL")),
        Index("ix_outbox_stream_stream_sequence", "stream", "stream_sequence"),
        Index("ix_outbox_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, init=False)
    message_id: Mapped[str] = mapped_column(String(200))
    stream: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(200))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    headers: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    stream_sequence: Mapped[int | None] = mapped_column(BigInteger, init=False, default=None)


class ProcessedEvent(Base):
    """That *consumer* has dealt with an event: an effect, or a dead letter."""

    __tablename__ = "processed_events"
    __table_args__ = (Index("ix_processed_events_processed_at", "processed_at"),)

    consumer: Mapped[str] = mapped_column(String(100), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_type: Mapped[str] = mapped_column(String(50))
    processed_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class EventAttempt(Base):
    """How often *consumer* has failed at an event so far; gone after a success."""

    __tablename__ = "event_attempts"

    consumer: Mapped[str] = mapped_column(String(100), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class DeadLetter(Base):
    """A message that *consumer* gave up, with all that is needed to try it again."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        UniqueConstraint("consumer", "message_key"),
        Index("ix_dead_letters_replaying", "id", postgresql_where=text("status = 'replaying'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True, init=False)
    consumer: Mapped[str] = mapped_column(String(100))
    event_type: Mapped[str] = mapped_column(String(50))
    message_key: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(200))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    error: Mapped[str] = mapped_column(String(500))
    attempts: Mapped[int]
    status: Mapped[str] = mapped_column(Choice(DEAD, REPLAYING, REPLAYED, DROPPED), default=DEAD)
    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default_factory=clock.now)
