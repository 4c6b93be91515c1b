"""Rules, reminders, and who has had the default rules."""

from alembic import op

revision = "relance_0001"
down_revision = None
branch_labels = ("relance",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE jeu_par_defaut (
            organisation_id varchar(64) NOT NULL,
            fourni_le timestamptz NOT NULL,
            CONSTRAINT pk_jeu_par_defaut PRIMARY KEY (organisation_id)
        );

        CREATE TABLE regle_relance (
            societe_id varchar(64) NOT NULL,
            nom varchar(100) NOT NULL,
            declencheur varchar(30) NOT NULL,
            niveau integer NOT NULL,
            delai_jours integer NOT NULL,
            action_type varchar(20) NOT NULL,
            priorite_tache varchar(20) NOT NULL,
            actif boolean NOT NULL,
            ordre integer NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_regle_relance PRIMARY KEY (id),
            CONSTRAINT ck_regle_relance_delai_jours CHECK (delai_jours BETWEEN -90 AND 365),
            CONSTRAINT ck_regle_relance_niveau CHECK (CASE declencheur WHEN 'IMPAYE' THEN niveau BETWEEN 1 AND 5 ELSE niveau = 0 END),
            CONSTRAINT ck_regle_relance_declencheur CHECK (declencheur IN ('IMPAYE', 'REJET_PRELEVEMENT', 'NOUVEAU_CLIENT', 'CONTRAT_BIENTOT_EXPIRE', 'CONTRAT_EXPIRE', 'INACTIVITE_CLIENT')),
            CONSTRAINT ck_regle_relance_action_type CHECK (action_type IN ('CREER_TACHE', 'ENVOYER_EMAIL', 'NOTIFICATION', 'TACHE_ET_EMAIL')),
            CONSTRAINT ck_regle_relance_priorite_tache CHECK (priorite_tache IN ('HAUTE', 'MOYENNE', 'BASSE'))
        );
        CREATE UNIQUE INDEX uq_regle_relance_active ON regle_relance (organisation_id, societe_id, declencheur, niveau) WHERE actif;

        CREATE TABLE relance (
            societe_id varchar(64) NOT NULL,
            regle_id uuid NOT NULL,
            declencheur varchar(30) NOT NULL,
            niveau integer NOT NULL,
            client_id varchar(64) NOT NULL,
            date_prevue date NOT NULL,
            a_recalculer boolean NOT NULL,
            statut varchar(20) NOT NULL,
            motif varchar(255),
            cle varchar(128) NOT NULL,
            executee_le timestamptz,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_relance PRIMARY KEY (id),
            CONSTRAINT fk_relance_regle_id FOREIGN KEY (regle_id) REFERENCES regle_relance (id),
            CONSTRAINT ck_relance_declencheur CHECK (declencheur IN ('IMPAYE', 'REJET_PRELEVEMENT', 'NOUVEAU_CLIENT', 'CONTRAT_BIENTOT_EXPIRE', 'CONTRAT_EXPIRE', 'INACTIVITE_CLIENT')),
            CONSTRAINT ck_relance_statut CHECK (statut IN ('PLANIFIEE', 'EXECUTEE', 'ANNULEE', 'IGNOREE', 'ECHEC'))
        );
        CREATE INDEX ix_relance_client_id ON relance (organisation_id, client_id);
        CREATE INDEX ix_relance_created_at ON relance (organisation_id, created_at, id);
        CREATE INDEX ix_relance_date_prevue ON relance (organisation_id, date_prevue, id);
        CREATE INDEX ix_relance_statut ON relance (organisation_id, statut, date_prevue);
        CREATE UNIQUE INDEX uq_relance_cle ON relance (organisation_id, cle);
        """
    )
