"""The uniqueness of status codes on plain columns, so that a refusal can name who has the code."""

from alembic import op

revision = "clients_0002"
down_revision = "clients_0001"
branch_labels = None
incompatible = (
    "the index is replaced under one lock; an organisation has a few statuses, so nobody waits long"
)


def upgrade() -> None:
    op.execute(
        """
        DROP INDEX uq_statut_client_code;
        CREATE UNIQUE INDEX uq_statut_client_code ON statut_clients (organisation_id, code) NULLS NOT DISTINCT;
        """
    )
