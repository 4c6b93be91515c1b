"""Indexes of clients: by organisation first, which is to be the primary key, and by client alone."""

from db_utils.migrations import build_index

revision = "dashboard_0007"
down_revision = "dashboard_0006"
branch_labels = None
compatible = "the same two columns are the primary key already, in the other order"


def upgrade() -> None:
    build_index("pk_clients_vus_organisation", "clients_vus (organisation_id, client_id)", unique=True)
    build_index("ix_clients_vus_client_id", "clients_vus (client_id)")
