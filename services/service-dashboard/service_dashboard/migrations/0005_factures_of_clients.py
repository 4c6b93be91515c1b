"""Invoices of a client in the order in which receipts cover them."""

from db_utils.migrations import build_index

revision = "dashboard_0005"
down_revision = "dashboard_0004"
branch_labels = None


def upgrade() -> None:
    build_index("ix_factures_vues_client_id", "factures_vues (organisation_id, client_id, date_echeance)")
