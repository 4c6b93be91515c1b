"""Index by which the reminders of an invoice are found."""

from db_utils.migrations import build_index

revision = "relance_0003"
down_revision = "relance_0002"
branch_labels = None


def upgrade() -> None:
    build_index("ix_relance_facture_id", "relance (organisation_id, facture_id) WHERE facture_id IS NOT NULL")
