"""Politiques of organisations."""

from alembic import op

revision = "retry_0001"
down_revision = None
branch_labels = ("retry",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE politiques (
            organisation_id varchar(64) NOT NULL,
            nom varchar(100) NOT NULL,
            nom_cle text COLLATE "C" DEFAULT '' NOT NULL,
            recherche_cle bytea DEFAULT '' NOT NULL,
            id uuid NOT NULL,
            created_at timestamptz DEFAULT now() NOT NULL,
            updated_at timestamptz NOT NULL,
            version integer DEFAULT 1 NOT NULL,
            CONSTRAINT pk_politiques PRIMARY KEY (id)
        );
        CREATE INDEX ix_politiques_nom_cle ON politiques (organisation_id, nom_cle, id);
        CREATE INDEX ix_politiques_created_at ON politiques (organisation_id, created_at, id);
        """
    )
