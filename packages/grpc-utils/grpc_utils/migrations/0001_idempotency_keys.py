"""Stored answers of calls with an idempotency key."""

from alembic import op

revision = "calls_0001"
down_revision = None
branch_labels = ("calls",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE idempotency_keys (
            method varchar(200) NOT NULL,
            caller varchar(255) NOT NULL,
            key varchar(128) NOT NULL,
            request_hash bytea NOT NULL,
            response bytea NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_idempotency_keys PRIMARY KEY (method, caller, key)
        );
        CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at);
        """
    )
