"""Notifications and their readings."""

from alembic import op

revision = "notifications_0001"
down_revision = None
branch_labels = ("notifications",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE notifications (
            destinataire_type varchar(12) NOT NULL,
            destinataire_id varchar(64) NOT NULL,
            type varchar(30) NOT NULL,
            niveau varchar(15) NOT NULL,
            titre varchar(255) NOT NULL,
            message varchar(2000) NOT NULL,
            metadata jsonb NOT NULL,
            lien_url varchar(500),
            cle_idempotence varchar(160),
            sequence bigint GENERATED ALWAYS AS IDENTITY,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_notifications PRIMARY KEY (id),
            CONSTRAINT uq_notifications_sequence UNIQUE (sequence),
            CONSTRAINT ck_notifications_destinataire_type CHECK (destinataire_type IN ('UTILISATEUR', 'EQUIPE', 'ORGANISATION')),
            CONSTRAINT ck_notifications_type CHECK (type IN ('CONTRAT_EXPIRE', 'CONTRAT_BIENTOT_EXPIRE', 'IMPAYE', 'NOUVEAU_CLIENT', 'NOUVEAU_CONTRAT', 'NOUVELLE_FACTURE', 'PAIEMENT_RECU', 'PAIEMENT_REJETE', 'TACHE_ASSIGNEE', 'RAPPEL', 'ALERTE', 'INFO', 'SYSTEME')),
            CONSTRAINT ck_notifications_niveau CHECK (niveau IN ('info', 'avertissement', 'critique'))
        );
        CREATE INDEX ix_notifications_created_at ON notifications (organisation_id, created_at, id);
        CREATE UNIQUE INDEX uq_notification_cle ON notifications (organisation_id, cle_idempotence) WHERE cle_idempotence IS NOT NULL;

        CREATE TABLE lectures (
            notification_id uuid NOT NULL,
            utilisateur_id varchar(255) NOT NULL,
            lu_le timestamptz NOT NULL,
            CONSTRAINT pk_lectures PRIMARY KEY (notification_id, utilisateur_id),
            CONSTRAINT fk_lectures_notification_id FOREIGN KEY (notification_id) REFERENCES notifications (id) ON DELETE CASCADE
        );
        CREATE INDEX ix_lectures_utilisateur_id ON lectures (utilisateur_id);
        """
    )
