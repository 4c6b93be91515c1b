"""Signing keys, the login journal, locks, sign-ins under way, revocations and welcome mails owed."""

from alembic import op

revision = "auth_0001"
down_revision = None
branch_labels = ("auth",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE cles_signature (
            kid varchar(36) NOT NULL,
            cle_privee text NOT NULL,
            cle_publique jsonb NOT NULL,
            etat varchar(20) NOT NULL,
            signe_des timestamptz NOT NULL,
            retiree_le timestamptz,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_cles_signature PRIMARY KEY (kid),
            CONSTRAINT ck_cles_signature_etat CHECK (etat IN ('active', 'retiree'))
        );
        CREATE UNIQUE INDEX uq_cle_active ON cles_signature (etat) WHERE etat = 'active';

        CREATE TABLE tentatives_connexion (
            id uuid NOT NULL,
            email_hash bytea,
            email_masque varchar(80) NOT NULL,
            ip inet,
            methode varchar(20) NOT NULL,
            resultat varchar(20) NOT NULL,
            user_agent varchar(300) NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_tentatives_connexion PRIMARY KEY (id),
            CONSTRAINT ck_tentatives_connexion_methode CHECK (methode IN ('password', 'google')),
            CONSTRAINT ck_tentatives_connexion_resultat
                CHECK (resultat IN ('succes', 'echec', 'verrouille', 'limite', 'refus'))
        );
        CREATE INDEX ix_tentatives_created_at ON tentatives_connexion (created_at);
        CREATE INDEX ix_tentatives_email ON tentatives_connexion (email_hash, created_at DESC);
        CREATE INDEX ix_tentatives_ip ON tentatives_connexion (ip, created_at DESC);

        CREATE TABLE verrous (
            email_hash bytea NOT NULL,
            echecs timestamptz[] NOT NULL,
            verrouillages_24h integer NOT NULL,
            dernier_verrou timestamptz,
            verrouille_jusqu_a timestamptz,
            updated_at timestamptz NOT NULL,
            CONSTRAINT pk_verrous PRIMARY KEY (email_hash)
        );

        CREATE TABLE demandes_oauth (
            state_hash bytea NOT NULL,
            code_verifier text NOT NULL,
            nonce_hash bytea NOT NULL,
            liaison_hash bytea NOT NULL,
            redirect_uri text NOT NULL,
            created_at timestamptz NOT NULL,
            expire_le timestamptz NOT NULL,
            consomme_le timestamptz,
            CONSTRAINT pk_demandes_oauth PRIMARY KEY (state_hash)
        );
        CREATE INDEX ix_demandes_expire_le ON demandes_oauth (expire_le);

        CREATE TABLE jetons_revoques (
            jti uuid NOT NULL,
            utilisateur_id varchar(64) NOT NULL,
            motif varchar(20) NOT NULL,
            revoque_le timestamptz NOT NULL,
            expire_le timestamptz NOT NULL,
            CONSTRAINT pk_jetons_revoques PRIMARY KEY (jti),
            CONSTRAINT ck_jetons_revoques_motif
                CHECK (motif IN ('logout', 'renouvellement', 'mot_de_passe', 'desactivation'))
        );
        CREATE INDEX ix_jetons_revoques_revoque_le ON jetons_revoques (revoque_le);

        CREATE TABLE revocations_globales (
            utilisateur_id varchar(64) NOT NULL,
            avant timestamptz NOT NULL,
            CONSTRAINT pk_revocations_globales PRIMARY KEY (utilisateur_id)
        );
        CREATE INDEX ix_revocations_globales_avant ON revocations_globales (avant);

        CREATE TABLE bienvenues_a_envoyer (
            utilisateur_id varchar(64) NOT NULL,
            tentatives integer NOT NULL,
            prochain_essai timestamptz,
            envoye_le timestamptz,
            CONSTRAINT pk_bienvenues_a_envoyer PRIMARY KEY (utilisateur_id)
        );
        CREATE INDEX ix_bienvenues_due ON bienvenues_a_envoyer (prochain_essai) WHERE prochain_essai IS NOT NULL;
        """
    )
