"""Remises of organisations."""

from alembic import op

revision = "payments_0001"
down_revision = None
branch_labels = ("payments",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE remises (
            organisation_id varchar(64) NOT NULL,
            nom varchar(100) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            recherche_cle bytea DEFAULT '' NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            CONSTRAINT pk_remises PRIMARY KEY (id)
        );
        CREATE INDEX ix_remises_nom_cle ON remises (organisation_id, nom_cle, id);
        CREATE INDEX ix_remises_created_at ON remises (organisation_id, created_at, id);
        """
    )
