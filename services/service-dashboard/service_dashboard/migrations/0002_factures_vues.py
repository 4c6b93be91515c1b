"""The projection of invoices."""

from alembic import op

revision = "dashboard_0002"
down_revision = "dashboard_0001"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE factures_vues (
            organisation_id varchar(64) NOT NULL,
            invoice_id varchar(64) NOT NULL,
            societe_id varchar(64) NOT NULL,
            client_id varchar(64) NOT NULL,
            contrat_id varchar(64),
            numero varchar(64) NOT NULL,
            montant numeric(14, 2) NOT NULL,
            emise_le timestamptz NOT NULL,
            date_echeance date NOT NULL,
            CONSTRAINT pk_factures_vues PRIMARY KEY (organisation_id, invoice_id)
        );
        CREATE INDEX ix_factures_vues_emise_le ON factures_vues (organisation_id, emise_le);
        """
    )
