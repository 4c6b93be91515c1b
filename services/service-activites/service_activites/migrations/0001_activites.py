"""Types of activities with those of the system, activities, tasks."""

from alembic import op

revision = "activites_0001"
down_revision = None
branch_labels = ("activites",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE types_activite (
            code varchar(50) NOT NULL,
            nom varchar(100) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            description text,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64),
            CONSTRAINT pk_types_activite PRIMARY KEY (id)
        );
        CREATE UNIQUE INDEX uq_type_activite_code ON types_activite (organisation_id, code) NULLS NOT DISTINCT;

        INSERT INTO types_activite (id, organisation_id, code, nom, nom_cle, created_at, updated_at)
        SELECT gen_random_uuid(), NULL, code, nom, nom_cle, now(), now()
        FROM (VALUES ('APPEL', 'Appel', 'appel'), ('EMAIL', 'E-mail', 'e-mail'), ('REUNION', 'Réunion', 'reunion'),
                     ('TACHE', 'Tâche', 'tache'), ('NOTE', 'Note', 'note')) AS supplied (code, nom, nom_cle);

        CREATE TABLE activites (
            type_id uuid NOT NULL,
            date_activite timestamptz NOT NULL,
            sujet varchar(255) NOT NULL,
            commentaire varchar(10000),
            recherche_cle bytea DEFAULT '' NOT NULL,
            echeance timestamptz,
            client_base_id varchar(64),
            contrat_id varchar(64),
            client_partenaire_id varchar(64),
            auteur_id varchar(255) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_activites PRIMARY KEY (id),
            CONSTRAINT fk_activites_type_id FOREIGN KEY (type_id) REFERENCES types_activite (id),
            CONSTRAINT ck_activites_rattachement CHECK (coalesce(client_base_id, contrat_id, client_partenaire_id) IS NOT NULL),
            CONSTRAINT ck_activites_echeance CHECK (echeance >= date_activite)
        );
        CREATE INDEX ix_activites_date_activite ON activites (organisation_id, date_activite, id);
        CREATE INDEX ix_activites_echeance ON activites (organisation_id, coalesce(echeance, '9999-12-31 23:59:59.999999+00'::timestamptz), id);
        CREATE INDEX ix_activites_created_at ON activites (organisation_id, created_at, id);
        CREATE INDEX ix_activites_client_base_id ON activites (organisation_id, client_base_id);
        CREATE INDEX ix_activites_contrat_id ON activites (organisation_id, contrat_id);
        CREATE INDEX ix_activites_type_id ON activites (type_id);

        CREATE TABLE taches (
            titre varchar(255) NOT NULL,
            description varchar(10000),
            recherche_cle bytea DEFAULT '' NOT NULL,
            type varchar(20) NOT NULL,
            priorite varchar(20) NOT NULL,
            priorite_rang integer DEFAULT 0 NOT NULL,
            statut varchar(20) NOT NULL,
            date_echeance timestamptz,
            date_completion timestamptz,
            motif_annulation varchar(500),
            assigne_a varchar(64),
            cree_par varchar(255) NOT NULL,
            client_id varchar(64),
            contrat_id varchar(64),
            facture_id varchar(64),
            regle_relance_id varchar(64),
            metadata jsonb NOT NULL,
            cle_idempotence varchar(128),
            contenu_hash bytea,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_taches PRIMARY KEY (id),
            CONSTRAINT ck_taches_type CHECK (type IN ('relance', 'rappel', 'suivi', 'autre')),
            CONSTRAINT ck_taches_priorite CHECK (priorite IN ('basse', 'normale', 'haute', 'urgente')),
            CONSTRAINT ck_taches_statut CHECK (statut IN ('a_faire', 'en_cours', 'terminee', 'annulee')),
            CONSTRAINT ck_taches_completion CHECK ((statut = 'terminee') = (date_completion IS NOT NULL))
        );
        CREATE INDEX ix_taches_date_echeance ON taches (organisation_id, coalesce(date_echeance, '9999-12-31 23:59:59.999999+00'::timestamptz), id);
        CREATE INDEX ix_taches_ouvertes ON taches (organisation_id, coalesce(date_echeance, '9999-12-31 23:59:59.999999+00'::timestamptz), id) WHERE statut IN ('a_faire', 'en_cours');
        CREATE INDEX ix_taches_priorite ON taches (organisation_id, priorite_rang, id);
        CREATE INDEX ix_taches_created_at ON taches (organisation_id, created_at, id);
        CREATE INDEX ix_taches_statut ON taches (organisation_id, statut, date_echeance);
        CREATE INDEX ix_taches_assigne_a ON taches (organisation_id, assigne_a, statut);
        CREATE INDEX ix_taches_client_id ON taches (organisation_id, client_id);
        CREATE INDEX ix_taches_contrat_id ON taches (organisation_id, contrat_id);
        CREATE INDEX ix_taches_facture_id ON taches (organisation_id, facture_id);
        CREATE UNIQUE INDEX uq_tache_cle ON taches (organisation_id, cle_idempotence) WHERE cle_idempotence IS NOT NULL;
        """
    )
