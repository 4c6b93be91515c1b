"""When somebody was told of a call that has been owed for long."""

from alembic import op

revision = "outgoing_0002"
down_revision = "outgoing_0001"


def upgrade() -> None:
    op.execute("ALTER TABLE commande_sortante ADD COLUMN alerte_le timestamptz")
