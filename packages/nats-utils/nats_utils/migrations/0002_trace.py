"""The trace that a dead letter came with."""

from alembic import op

revision = "messaging_0002"
down_revision = "messaging_0001"


def upgrade() -> None:
    op.execute("ALTER TABLE dead_letters ADD COLUMN trace jsonb")
