"""The trace of what a call is owed for, which the call continues."""

from alembic import op

revision = "outgoing_0003"
down_revision = "outgoing_0002"


def upgrade() -> None:
    op.execute("ALTER TABLE commande_sortante ADD COLUMN trace jsonb")
