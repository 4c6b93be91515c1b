"""Texts of rules, what delays a reminder, and the history of what was carried out."""

from alembic import op
from db_utils import Key
from db_utils.migrations import add_keys

revision = "relance_0004"
down_revision = "relance_0003"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE regle_relance
            ADD COLUMN description varchar(10000),
            ADD COLUMN modele_code varchar(60),
            ADD COLUMN template_titre varchar(255),
            ADD COLUMN template_corps varchar(10000),
            ADD COLUMN assigne_par_defaut varchar(64),
            ADD COLUMN supprime_le timestamptz;

        ALTER TABLE relance
            ADD COLUMN payment_id varchar(64),
            ADD COLUMN numero varchar(50),
            ADD COLUMN nb_reports integer DEFAULT 0 NOT NULL,
            ADD COLUMN tentatives integer DEFAULT 0 NOT NULL;

        CREATE TABLE historique_relance (
            id uuid NOT NULL,
            relance_id uuid NOT NULL,
            regle_relance_id uuid NOT NULL,
            client_id varchar(64) NOT NULL,
            facture_id varchar(64),
            contrat_id varchar(64),
            tache_creee_id varchar(64),
            message_id varchar(64),
            date_execution timestamptz NOT NULL,
            resultat varchar(20) NOT NULL,
            message_erreur varchar(500),
            metadata jsonb NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_historique_relance PRIMARY KEY (id),
            CONSTRAINT fk_historique_relance_relance_id FOREIGN KEY (relance_id) REFERENCES relance (id),
            CONSTRAINT fk_historique_relance_regle_relance_id FOREIGN KEY (regle_relance_id) REFERENCES regle_relance (id),
            CONSTRAINT ck_historique_relance_resultat CHECK (resultat IN ('SUCCES', 'ECHEC', 'IGNORE'))
        );
        CREATE INDEX ix_historique_relance_date_execution ON historique_relance (organisation_id, date_execution, id);
        CREATE INDEX ix_historique_relance_facture_id ON historique_relance (organisation_id, facture_id) WHERE facture_id IS NOT NULL;
        CREATE INDEX ix_historique_relance_client_id ON historique_relance (organisation_id, client_id);
        CREATE INDEX ix_historique_relance_relance_id ON historique_relance (relance_id);

        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
        END $$;
        CREATE TRIGGER append_only BEFORE UPDATE ON historique_relance
            FOR EACH ROW EXECUTE FUNCTION refuse_change();
        CREATE TRIGGER kept_five_years BEFORE DELETE ON historique_relance
            FOR EACH ROW WHEN (OLD.date_execution > now() - interval '5 years') EXECUTE FUNCTION refuse_change();
        """
    )
    add_keys("regle_relance", {"nom_cle": Key("nom")})
