"""The projection of clients."""

from alembic import op

revision = "dashboard_0001"
down_revision = None
branch_labels = ("dashboard",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE clients_vus (
            client_id varchar(64) NOT NULL,
            organisation_id varchar(64) NOT NULL,
            societe_id varchar(64),
            cree_le timestamptz NOT NULL,
            CONSTRAINT pk_clients_vus PRIMARY KEY (client_id, organisation_id)
        );
        CREATE INDEX ix_clients_vus_cree_le ON clients_vus (organisation_id, cree_le);
        """
    )
