"""Tables of local users, their subjects, their organisations, and sign-ins to be told later."""

from alembic import op

revision = "user_sync_0001"
down_revision = None
branch_labels = ("user_sync",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE utilisateurs_locaux (
            id uuid NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL,
            version integer NOT NULL DEFAULT 1,
            supprime_le timestamptz,
            organisation_id varchar(64) NOT NULL,
            auth0_id varchar(255) NOT NULL,
            utilisateur_id varchar(64),
            email varchar(255),
            first_name varchar(100) NOT NULL,
            last_name varchar(100) NOT NULL,
            photo_url text,
            role varchar(20) NOT NULL,
            user_type varchar(50),
            origine varchar(12) NOT NULL,
            last_login_at timestamptz NOT NULL,
            derniere_sync_ok timestamptz,
            evenement_le timestamptz,
            actif boolean NOT NULL DEFAULT true,
            CONSTRAINT pk_utilisateurs_locaux PRIMARY KEY (id),
            CONSTRAINT ck_utilisateurs_locaux_role
                CHECK (role IN ('ADMIN', 'MANAGER', 'COMMERCIAL', 'VIEWER')),
            CONSTRAINT ck_utilisateurs_locaux_origine CHECK (origine IN ('evenement', 'secours'))
        );
        CREATE UNIQUE INDEX uq_utilisateur_local_auth0_id ON utilisateurs_locaux (auth0_id)
            WHERE supprime_le IS NULL;
        CREATE UNIQUE INDEX uq_utilisateur_local_utilisateur_id ON utilisateurs_locaux (utilisateur_id)
            WHERE supprime_le IS NULL AND utilisateur_id IS NOT NULL;
        CREATE INDEX ix_utilisateurs_locaux_organisation_id ON utilisateurs_locaux (organisation_id);
        CREATE INDEX ix_utilisateurs_locaux_email ON utilisateurs_locaux (organisation_id, lower(email));

        CREATE TABLE sujets_locaux (
            auth0_id varchar(255) NOT NULL,
            utilisateur_local_id uuid NOT NULL,
            CONSTRAINT pk_sujets_locaux PRIMARY KEY (auth0_id),
            CONSTRAINT fk_sujets_locaux_utilisateur_local_id FOREIGN KEY (utilisateur_local_id)
                REFERENCES utilisateurs_locaux (id)
        );
        CREATE INDEX ix_sujets_locaux_utilisateur_local_id ON sujets_locaux (utilisateur_local_id);

        CREATE TABLE organisations_locales (
            organisation_id varchar(64) NOT NULL,
            last_activity_at timestamptz NOT NULL,
            initialisee_le timestamptz,
            initialisation_etat varchar(10) NOT NULL,
            CONSTRAINT pk_organisations_locales PRIMARY KEY (organisation_id),
            CONSTRAINT ck_organisations_locales_initialisation_etat
                CHECK (initialisation_etat IN ('a_faire', 'fait', 'echec'))
        );
        CREATE INDEX ix_organisations_locales_a_initialiser ON organisations_locales (organisation_id)
            WHERE initialisation_etat <> 'fait';

        CREATE TABLE sync_en_attente (
            auth0_id varchar(255) NOT NULL,
            charge jsonb NOT NULL,
            tentatives integer NOT NULL,
            prochain_essai timestamptz,
            created_at timestamptz NOT NULL,
            erreur varchar(200) NOT NULL,
            CONSTRAINT pk_sync_en_attente PRIMARY KEY (auth0_id)
        );
        CREATE INDEX ix_sync_en_attente_prochain_essai ON sync_en_attente (prochain_essai)
            WHERE prochain_essai IS NOT NULL;
        """
    )
