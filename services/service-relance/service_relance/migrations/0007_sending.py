"""What is sent for reminders that go together, and which reminders those are."""

from alembic import op

revision = "relance_0007"
down_revision = "relance_0006"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE envoi (
            id uuid NOT NULL,
            client_id varchar(64) NOT NULL,
            contenu jsonb NOT NULL,
            mail_le timestamptz,
            message_id varchar(64),
            tache_id varchar(64),
            notification_id varchar(64),
            organisation_id varchar(64) NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            CONSTRAINT pk_envoi PRIMARY KEY (id)
        );
        CREATE INDEX ix_envoi_client_id ON envoi (organisation_id, client_id, mail_le);

        ALTER TABLE relance
            ADD COLUMN envoi_id uuid,
            ADD CONSTRAINT fk_relance_envoi_id FOREIGN KEY (envoi_id) REFERENCES envoi (id);
        """
    )
