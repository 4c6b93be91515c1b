"""Messages, their attempts, and the system's templates."""

from alembic import op

revision = "email_0001"
down_revision = None
branch_labels = ("email",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE messages (
            de varchar(320) NOT NULL,
            a jsonb NOT NULL,
            cc jsonb NOT NULL,
            cci jsonb NOT NULL,
            sujet varchar(255) NOT NULL,
            corps_texte text,
            corps_html text,
            repondre_a varchar(255),
            entetes jsonb NOT NULL,
            modele_code varchar(60),
            statut varchar(20) NOT NULL,
            tentatives integer NOT NULL,
            prochain_essai timestamptz,
            derniere_erreur varchar(500),
            message_id varchar(400) NOT NULL,
            origine varchar(20) NOT NULL,
            cle_idempotence varchar(255),
            envoye_le timestamptz,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_messages PRIMARY KEY (id),
            CONSTRAINT ck_messages_statut CHECK (statut IN ('en_file', 'en_cours', 'envoye', 'echec', 'annule', 'ignore')),
            CONSTRAINT ck_messages_origine CHECK (origine IN ('rpc', 'bienvenue', 'client.created', 'invoice.created', 'payment.rejected', 'contract.signed'))
        );
        CREATE INDEX ix_messages_created_at ON messages (organisation_id, created_at, id);
        CREATE INDEX ix_messages_destinataires ON messages USING gin ((a || cc || cci) jsonb_path_ops);
        CREATE INDEX ix_messages_due ON messages (prochain_essai) WHERE prochain_essai IS NOT NULL;
        CREATE INDEX ix_messages_statut ON messages (organisation_id, statut, created_at);
        CREATE UNIQUE INDEX uq_messages_cle ON messages (organisation_id, cle_idempotence) WHERE cle_idempotence IS NOT NULL;

        CREATE TABLE tentatives (
            message_id uuid NOT NULL,
            numero integer NOT NULL,
            debut timestamptz NOT NULL,
            fin timestamptz,
            code_smtp integer,
            reponse varchar(500),
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_tentatives PRIMARY KEY (message_id, numero),
            CONSTRAINT fk_tentatives_message_id FOREIGN KEY (message_id) REFERENCES messages (id)
        );
        CREATE INDEX ix_tentatives_debut ON tentatives (debut, organisation_id);

        CREATE TABLE modeles (
            code varchar(60) NOT NULL,
            langue varchar(2) NOT NULL,
            sujet varchar(255) NOT NULL,
            corps_html text NOT NULL,
            corps_texte text,
            variables text[] NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64),
            CONSTRAINT pk_modeles PRIMARY KEY (id)
        );
        CREATE UNIQUE INDEX uq_modeles_code ON modeles (coalesce(organisation_id, ''), code, langue);

        INSERT INTO modeles (id, organisation_id, code, langue, variables, sujet, corps_texte, corps_html, updated_at)
        VALUES (
            gen_random_uuid(), NULL, 'BIENVENUE_CLIENT', 'fr', '{prenom,nom,organisation_nom}',
            'Bienvenue {{ prenom }}',
            $texte$Bonjour {% if prenom %}{{ prenom }} {% endif %}{{ nom }},

Nous sommes heureux de vous compter parmi nos clients et vous souhaitons la bienvenue.

Cordialement,
{% if organisation_nom %}{{ organisation_nom }}{% else %}Votre conseiller{% endif %}
$texte$,
            $html$<!DOCTYPE html>
<html lang="fr">
<head><meta charset="utf-8"><title>Bienvenue</title></head>
<body>
<p>Bonjour {% if prenom %}{{ prenom }} {% endif %}{{ nom }},</p>
<p>Nous sommes heureux de vous compter parmi nos clients et vous souhaitons la bienvenue.</p>
<p>Cordialement,<br>
{% if organisation_nom %}{{ organisation_nom }}{% else %}Votre conseiller{% endif %}</p>
</body>
</html>
$html$,
            now()
        );
        """
    )
