"""Mailboxes of organisations; messages that leave from them, that are sent again, whose content is old."""

from alembic import op

revision = "email_0011"
down_revision = "email_0010"
branch_labels = None

# The former version neither knows nor fills the new columns: its messages leave by the platform's server.


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE boites_mail (
            societe_id varchar(64) NOT NULL,
            utilisateur_id varchar(64) NOT NULL,
            nom varchar(255) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            adresse_email varchar(255) NOT NULL,
            fournisseur varchar(20) NOT NULL,
            type_connexion varchar(20) NOT NULL,
            smtp_host varchar(255) NOT NULL,
            smtp_port integer NOT NULL,
            securite varchar(20) NOT NULL,
            username varchar(255),
            mot_de_passe text,
            integration_user_id varchar(64),
            integration_account_id varchar(255),
            signature_html text,
            signature_texte text,
            est_par_defaut boolean NOT NULL,
            actif boolean NOT NULL,
            derniere_verification timestamptz,
            erreur varchar(500),
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_boites_mail PRIMARY KEY (id),
            CONSTRAINT ck_boites_mail_fournisseur CHECK (fournisseur IN ('gmail', 'outlook', 'exchange', 'smtp', 'other')),
            CONSTRAINT ck_boites_mail_type_connexion CHECK (type_connexion IN ('smtp', 'oauth2')),
            CONSTRAINT ck_boites_mail_securite CHECK (securite IN ('starttls', 'tls', 'aucune')),
            CONSTRAINT ck_boites_mail_smtp_port CHECK (smtp_port BETWEEN 1 AND 65535)
        );
        CREATE UNIQUE INDEX uq_boites_mail_adresse ON boites_mail (organisation_id, adresse_email, utilisateur_id);
        CREATE UNIQUE INDEX uq_boites_mail_defaut ON boites_mail (organisation_id, societe_id, utilisateur_id)
            WHERE est_par_defaut;
        CREATE INDEX ix_boites_mail_nom ON boites_mail (organisation_id, nom_cle, id);

        ALTER TABLE messages ADD COLUMN boite_mail_id uuid;
        ALTER TABLE messages ADD COLUMN essais_anterieurs integer NOT NULL DEFAULT 0;
        """
    )
