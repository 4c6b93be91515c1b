"""The projection of receipts."""

from alembic import op

revision = "dashboard_0004"
down_revision = "dashboard_0003"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE paiements_vus (
            organisation_id varchar(64) NOT NULL,
            payment_id varchar(64) NOT NULL,
            societe_id varchar(64) NOT NULL,
            client_id varchar(64) NOT NULL,
            schedule_id varchar(64),
            facture_id varchar(64),
            contrat_id varchar(64),
            montant numeric(14, 2) NOT NULL,
            recu_le timestamptz NOT NULL,
            vu_le timestamptz NOT NULL,
            CONSTRAINT pk_paiements_vus PRIMARY KEY (organisation_id, payment_id)
        );
        CREATE INDEX ix_paiements_vus_recu_le ON paiements_vus (organisation_id, recu_le);
        CREATE INDEX ix_paiements_vus_client_id ON paiements_vus (organisation_id, client_id);
        """
    )
