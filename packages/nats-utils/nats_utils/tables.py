"""The messaging tables, which stand in the schema of every service beside its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Choice, Row, clock, metadata
from sqlalchemy import BigInteger, Identity, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
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
    """Base of the messaging tables."""

    __abstract__ = True
    metadata = metadata()


class OutboxRow(Base):
    """A message to publish, written in the transaction of its cause.

    *message_id* is the id by which the broker knows duplicates. *stream_sequence* is NULL
    until the broker has confirmed the message, and again when the broker has lost it; for that
    case the row is kept a day longer than the stream keeps the message.
    """

    __tablename__ = "outbox"
    __waiting__ = "stream_sequence IS NULL"
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
    """The claim of an event by *consumer*, written with its effect or its dead letter; kept 30 days."""

    __tablename__ = "processed_events"
    __table_args__ = (Index("ix_processed_events_processed_at", "processed_at"),)

    consumer: Mapped[str] = mapped_column(String(100), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_type: Mapped[str] = mapped_column(String(50))
    processed_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class EventAttempt(Base):
    """The number of attempts that *consumer* has made at an event which keeps failing.

    The row goes with the success or the dead letter, at the latest after 30 days.
    """

    __tablename__ = "event_attempts"

    consumer: Mapped[str] = mapped_column(String(100), primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    attempts: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(default_factory=clock.now)


class DeadLetter(Base):
    """A message that *consumer* gave up, whole, so that it can be replayed without the broker.

    *trace* holds the headers of the trace that it came with, None without any.
    """

    __tablename__ = "dead_letters"
    __waiting__ = "status = 'dead'"
    __table_args__ = (
        UniqueConstraint("consumer", "message_key"),
        Index("ix_dead_letters_dead", "id", postgresql_where=text("status = 'dead'")),
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
    trace: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), default=None)
