"""Proved addresses, ended tokens, the choice of organisation; webhooks in conflict are looked at again.

Webhooks that had ended in a conflict no longer hold what they said; the conflict still knows the
address, which is enough to find them again.
"""

from alembic import op

revision = "users_0002"
down_revision = "users_0001"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE utilisateurs
            ADD COLUMN email_en_attente varchar(255),
            ADD COLUMN jetons_depuis timestamptz;
        ALTER TABLE membres ADD COLUMN choisi_le timestamptz;
        ALTER TABLE invitations ADD COLUMN acceptee_par uuid;

        CREATE TABLE confirmations_email (
            utilisateur_id uuid NOT NULL,
            email varchar(255) NOT NULL,
            jeton_hash bytea NOT NULL,
            expire_le timestamptz NOT NULL,
            created_at timestamptz NOT NULL,
            CONSTRAINT pk_confirmations_email PRIMARY KEY (utilisateur_id),
            CONSTRAINT fk_confirmations_email_utilisateur_id FOREIGN KEY (utilisateur_id) REFERENCES utilisateurs (id)
        );
        CREATE UNIQUE INDEX uq_confirmation_email_jeton ON confirmations_email (jeton_hash);

        UPDATE webhooks_recus w
        SET charge_utile = jsonb_build_object('email', c.email), prochain_essai = now(), tentatives = 0
        FROM (
            SELECT DISTINCT ON (fournisseur, sujet) fournisseur, sujet, email
            FROM conflits_identite ORDER BY fournisseur, sujet, created_at DESC
        ) c
        WHERE w.resultat = 'CONFLIT' AND w.charge_utile = '{}'::jsonb
            AND c.fournisseur = w.fournisseur AND c.sujet = w.sujet;
        """
    )
