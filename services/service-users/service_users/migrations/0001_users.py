"""Tables of the users service: accounts, identities, passwords, memberships, invitations, webhooks."""

from alembic import op

revision = "users_0001"
down_revision = None
branch_labels = ("users",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE utilisateurs (
            nom varchar(100) NOT NULL,
            prenom varchar(100) NOT NULL,
            email varchar(255) NOT NULL,
            email_verifie boolean NOT NULL,
            telephone varchar(50),
            photo_url text,
            actif boolean NOT NULL,
            type_utilisateur varchar(50) NOT NULL,
            applications text[] NOT NULL,
            derniere_connexion timestamptz,
            nombre_connexions bigint NOT NULL,
            source_creation varchar(40) NOT NULL,
            fournisseur_maj_le timestamptz,
            suspendu_par_fournisseur boolean NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            supprime_le timestamptz,
            CONSTRAINT pk_utilisateurs PRIMARY KEY (id)
        );
        CREATE INDEX ix_utilisateurs_derniere_connexion ON utilisateurs (coalesce(derniere_connexion, '0001-01-01 00:00:00+00'::timestamptz), id) WHERE supprime_le IS NULL;
        CREATE INDEX ix_utilisateurs_nom ON utilisateurs (nom, id) WHERE supprime_le IS NULL;
        CREATE INDEX ix_utilisateurs_prenom ON utilisateurs (prenom, id) WHERE supprime_le IS NULL;
        CREATE UNIQUE INDEX uq_utilisateur_email ON utilisateurs (lower(email)) WHERE supprime_le IS NULL;

        CREATE TABLE identites (
            id uuid NOT NULL,
            utilisateur_id uuid NOT NULL,
            fournisseur varchar(20) NOT NULL,
            sujet varchar(255) NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_identites PRIMARY KEY (id),
            CONSTRAINT fk_identites_utilisateur_id FOREIGN KEY (utilisateur_id) REFERENCES utilisateurs (id),
            CONSTRAINT ck_identites_fournisseur CHECK (fournisseur IN ('local', 'google', 'kinde', 'auth0', 'keycloak'))
        );
        CREATE UNIQUE INDEX uq_identite ON identites (fournisseur, sujet);
        CREATE UNIQUE INDEX uq_identite_fournisseur ON identites (utilisateur_id, fournisseur);

        CREATE TABLE identifiants_locaux (
            utilisateur_id uuid NOT NULL,
            hash varchar(72) NOT NULL,
            change_le timestamptz NOT NULL,
            aleatoire boolean NOT NULL,
            CONSTRAINT pk_identifiants_locaux PRIMARY KEY (utilisateur_id),
            CONSTRAINT fk_identifiants_locaux_utilisateur_id FOREIGN KEY (utilisateur_id) REFERENCES utilisateurs (id)
        );

        CREATE TABLE membres (
            utilisateur_id uuid NOT NULL,
            role varchar(20) NOT NULL,
            etat varchar(20) NOT NULL,
            date_invitation timestamptz,
            date_activation timestamptz,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_membres PRIMARY KEY (id),
            CONSTRAINT fk_membres_utilisateur_id FOREIGN KEY (utilisateur_id) REFERENCES utilisateurs (id),
            CONSTRAINT ck_membres_role CHECK (role IN ('ADMIN', 'MANAGER', 'COMMERCIAL', 'VIEWER')),
            CONSTRAINT ck_membres_etat CHECK (etat IN ('invite', 'actif', 'suspendu', 'retire'))
        );
        CREATE INDEX ix_membres_created_at ON membres (organisation_id, created_at, id);
        CREATE INDEX ix_membres_utilisateur ON membres (utilisateur_id, created_at, id);
        CREATE UNIQUE INDEX uq_membre ON membres (organisation_id, utilisateur_id);

        CREATE TABLE invitations (
            email_invite varchar(255) NOT NULL,
            role varchar(20) NOT NULL,
            jeton_hash bytea NOT NULL,
            expire_le timestamptz NOT NULL,
            etat varchar(20) NOT NULL,
            invite_par varchar(255) NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_invitations PRIMARY KEY (id),
            CONSTRAINT ck_invitations_role CHECK (role IN ('ADMIN', 'MANAGER', 'COMMERCIAL', 'VIEWER')),
            CONSTRAINT ck_invitations_etat CHECK (etat IN ('pending', 'accepted', 'expired', 'cancelled'))
        );
        CREATE INDEX ix_invitations_created_at ON invitations (organisation_id, created_at, id);
        CREATE INDEX ix_invitations_expire_le ON invitations (expire_le) WHERE etat = 'pending';
        CREATE UNIQUE INDEX uq_invitation_jeton ON invitations (jeton_hash);
        CREATE UNIQUE INDEX uq_invitation_pending ON invitations (organisation_id, lower(email_invite)) WHERE etat = 'pending';

        CREATE TABLE webhooks_recus (
            id uuid NOT NULL,
            fournisseur varchar(20) NOT NULL,
            cle varchar(128) NOT NULL,
            type varchar(60) NOT NULL,
            sujet varchar(255) NOT NULL,
            recu_le timestamptz NOT NULL,
            horodatage_fournisseur timestamptz,
            resultat varchar(20) NOT NULL,
            tentatives integer NOT NULL,
            prochain_essai timestamptz,
            charge_utile jsonb NOT NULL,
            erreur text,
            CONSTRAINT pk_webhooks_recus PRIMARY KEY (id),
            CONSTRAINT ck_webhooks_recus_fournisseur CHECK (fournisseur IN ('local', 'google', 'kinde', 'auth0', 'keycloak')),
            CONSTRAINT ck_webhooks_recus_resultat CHECK (resultat IN ('TRAITE', 'IGNORE', 'CONFLIT', 'EN_FILE', 'ECHEC'))
        );
        CREATE INDEX ix_webhooks_recus_due ON webhooks_recus (prochain_essai) WHERE prochain_essai IS NOT NULL;
        CREATE INDEX ix_webhooks_recus_recu_le ON webhooks_recus (recu_le);
        CREATE INDEX ix_webhooks_recus_sujet ON webhooks_recus (fournisseur, sujet, type);
        CREATE UNIQUE INDEX uq_webhook ON webhooks_recus (fournisseur, cle);

        CREATE TABLE journal_identite (
            id uuid NOT NULL,
            utilisateur_id uuid,
            evenement varchar(40) NOT NULL,
            source varchar(80) NOT NULL,
            details jsonb NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_journal_identite PRIMARY KEY (id)
        );
        CREATE INDEX ix_journal_identite_utilisateur ON journal_identite (utilisateur_id, created_at DESC);

        CREATE TABLE conflits_identite (
            id uuid NOT NULL,
            fournisseur varchar(20) NOT NULL,
            sujet varchar(255) NOT NULL,
            email varchar(255) NOT NULL,
            utilisateur_existant_id uuid NOT NULL,
            motif varchar(40) NOT NULL,
            created_at timestamptz NOT NULL,
            resolu_le timestamptz,
            CONSTRAINT pk_conflits_identite PRIMARY KEY (id),
            CONSTRAINT ck_conflits_identite_fournisseur CHECK (fournisseur IN ('local', 'google', 'kinde', 'auth0', 'keycloak')),
            CONSTRAINT fk_conflits_identite_utilisateur_existant_id FOREIGN KEY (utilisateur_existant_id) REFERENCES utilisateurs (id)
        );
        CREATE UNIQUE INDEX uq_conflit_identite ON conflits_identite (fournisseur, sujet, email);

        CREATE TABLE organisations_a_assurer (
            organisation_id varchar(64) NOT NULL,
            type_utilisateur varchar(50) NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_organisations_a_assurer PRIMARY KEY (organisation_id)
        );
        """
    )
