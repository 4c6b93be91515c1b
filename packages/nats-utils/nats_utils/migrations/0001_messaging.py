"""Outbox, processed events, attempts and dead letters."""

from alembic import op

revision = "messaging_0001"
down_revision = None
branch_labels = ("messaging",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE outbox (
            id bigint GENERATED ALWAYS AS IDENTITY,
            message_id varchar(200) NOT NULL,
            stream varchar(32) NOT NULL,
            subject varchar(200) NOT NULL,
            payload bytea NOT NULL,
            headers jsonb NOT NULL,
            created_at timestamptz NOT NULL,
            stream_sequence bigint,
            CONSTRAINT pk_outbox PRIMARY KEY (id),
            CONSTRAINT uq_outbox_message_id UNIQUE (message_id)
        );
        CREATE INDEX ix_outbox_pending ON outbox (id) WHERE stream_sequence IS NULL;
        CREATE INDEX ix_outbox_stream_stream_sequence ON outbox (stream, stream_sequence);
        CREATE INDEX ix_outbox_created_at ON outbox (created_at);

        CREATE TABLE processed_events (
            consumer varchar(100) NOT NULL,
            event_id uuid NOT NULL,
            event_type varchar(50) NOT NULL,
            processed_at timestamptz NOT NULL,
            CONSTRAINT pk_processed_events PRIMARY KEY (consumer, event_id)
        );
        CREATE INDEX ix_processed_events_processed_at ON processed_events (processed_at);

        CREATE TABLE event_attempts (
            consumer varchar(100) NOT NULL,
            event_id uuid NOT NULL,
            attempts integer NOT NULL,
            updated_at timestamptz NOT NULL,
            CONSTRAINT pk_event_attempts PRIMARY KEY (consumer, event_id)
        );

        CREATE TABLE dead_letters (
            id bigint GENERATED ALWAYS AS IDENTITY,
            consumer varchar(100) NOT NULL,
            event_type varchar(50) NOT NULL,
            message_key varchar(200) NOT NULL,
            subject varchar(200) NOT NULL,
            payload bytea NOT NULL,
            error varchar(500) NOT NULL,
            attempts integer NOT NULL,
            status varchar(20) NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            CONSTRAINT pk_dead_letters PRIMARY KEY (id),
            CONSTRAINT uq_dead_letters_consumer_message_key UNIQUE (consumer, message_key),
            CONSTRAINT ck_dead_letters_status CHECK (status IN ('dead', 'replaying', 'replayed', 'dropped'))
        );
        CREATE INDEX ix_dead_letters_replaying ON dead_letters (id) WHERE status = 'replaying';
        """
    )
