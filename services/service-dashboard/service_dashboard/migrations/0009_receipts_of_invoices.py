"""Receipts by the invoice that they name."""

from db_utils.migrations import build_index

revision = "dashboard_0009"
down_revision = "dashboard_0008"
branch_labels = None


def upgrade() -> None:
    build_index("ix_paiements_vus_facture_id", "paiements_vus (organisation_id, facture_id)")
