"""The invoice that a reminder is about."""

from alembic import op

revision = "relance_0002"
down_revision = "relance_0001"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE relance
            ADD COLUMN facture_id varchar(64),
            ADD COLUMN contrat_id varchar(64),
            ADD COLUMN montant numeric(14, 2),
            ADD COLUMN date_echeance date
        """
    )
