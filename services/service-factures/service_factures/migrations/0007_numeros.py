"""Index by which the invoices of a number are found, whatever their société."""

from db_utils.migrations import build_index

revision = "factures_0007"
down_revision = "factures_0006"
branch_labels = None


def upgrade() -> None:
    build_index("ix_facture_numero", "facture (organisation_id, numero) WHERE numero IS NOT NULL")
