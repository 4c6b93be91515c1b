"""What factures is asked for an échéance, from before the question until its answer."""

from alembic import op

revision = "payments_0002"
down_revision = "payments_0001"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE echeance ADD COLUMN demande jsonb;
        """
    )
