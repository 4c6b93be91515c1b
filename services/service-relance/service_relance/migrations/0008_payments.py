"""What payments tells: what was paid and rejected; and what other services report."""

from alembic import op

revision = "relance_0008"
down_revision = "relance_0007"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE relance
            ADD COLUMN motif_rejet varchar(35),
            ADD COLUMN date_rejet date,
            ADD COLUMN payments_muet_le timestamptz;

        CREATE TABLE reglement_vu (
            organisation_id varchar(64) NOT NULL,
            payment_id varchar(64) NOT NULL,
            facture_id varchar(64),
            montant numeric(14, 2) NOT NULL,
            date_reception date,
            rejete_le date,
            vu_le timestamptz NOT NULL,
            CONSTRAINT pk_reglement_vu PRIMARY KEY (organisation_id, payment_id)
        );
        CREATE INDEX ix_reglement_vu_facture_id ON reglement_vu (organisation_id, facture_id) WHERE facture_id IS NOT NULL;
        CREATE INDEX ix_reglement_vu_vu_le ON reglement_vu (vu_le);

        CREATE TABLE signalement (
            declencheur varchar(30) NOT NULL,
            motif varchar(20) NOT NULL,
            client_id varchar(64) NOT NULL,
            facture_id varchar(64) NOT NULL,
            contrat_id varchar(64),
            metadata jsonb NOT NULL,
            relance_ids uuid[] NOT NULL,
            cle_idempotence varchar(255),
            contenu_hash bytea,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_signalement PRIMARY KEY (id),
            CONSTRAINT ck_signalement_declencheur CHECK (declencheur IN ('IMPAYE', 'REJET_PRELEVEMENT', 'NOUVEAU_CLIENT', 'CONTRAT_BIENTOT_EXPIRE', 'CONTRAT_EXPIRE', 'INACTIVITE_CLIENT')),
            CONSTRAINT ck_signalement_motif CHECK (motif IN ('RETRY_EPUISE'))
        );
        CREATE UNIQUE INDEX uq_signalement_cle ON signalement (organisation_id, cle_idempotence);
        CREATE INDEX ix_signalement_created_at ON signalement (created_at);
        """
    )
