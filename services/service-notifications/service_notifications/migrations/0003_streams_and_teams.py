"""Teams, streams, hiding, and sequences that are given once a notification is committed (R11)."""

from alembic import op

revision = "notifications_0003"
down_revision = "notifications_0002"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE notifications ADD COLUMN diffuser boolean DEFAULT true NOT NULL;
        ALTER TABLE notifications ALTER COLUMN sequence DROP IDENTITY;
        ALTER TABLE notifications ALTER COLUMN sequence DROP NOT NULL;
        CREATE SEQUENCE notifications_sequence OWNED BY notifications.sequence;
        SELECT setval('notifications_sequence', coalesce(max(sequence), 0) + 1, false) FROM notifications;

        ALTER TABLE lectures ALTER COLUMN lu_le DROP NOT NULL;
        ALTER TABLE lectures ADD COLUMN masquee_le timestamptz;

        CREATE TABLE abonnements (
            utilisateur_id varchar(255) NOT NULL,
            equipe varchar(10) NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_abonnements PRIMARY KEY (organisation_id, equipe, utilisateur_id),
            CONSTRAINT ck_abonnements_equipe CHECK (equipe IN ('FINANCE', 'COMMERCIAL', 'DIRECTION'))
        );

        CREATE TABLE connexions (
            id uuid NOT NULL,
            utilisateur_id varchar(255) NOT NULL,
            instance varchar(36) NOT NULL,
            ouverte_le timestamptz NOT NULL,
            expire_le timestamptz NOT NULL,
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_connexions PRIMARY KEY (id)
        );
        CREATE INDEX ix_connexions_utilisateur_id ON connexions (organisation_id, utilisateur_id);
        CREATE INDEX ix_connexions_expire_le ON connexions (expire_le);
        """
    )
