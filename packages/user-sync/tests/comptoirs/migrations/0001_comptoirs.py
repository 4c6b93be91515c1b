"""Tables of the counters: accounts, visits and breakdowns."""

from alembic import op

revision = "comptoirs_0001"
down_revision = None
branch_labels = ("comptoirs",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE comptes (
            id uuid NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL,
            version integer NOT NULL DEFAULT 1,
            organisation_id varchar(64) NOT NULL,
            ouvert_pour uuid NOT NULL,
            CONSTRAINT pk_comptes PRIMARY KEY (id)
        );
        CREATE TABLE visites (
            id uuid NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL,
            version integer NOT NULL DEFAULT 1,
            utilisateur varchar(255) NOT NULL,
            CONSTRAINT pk_visites PRIMARY KEY (id)
        );
        CREATE TABLE pannes (
            organisation_id varchar(64) NOT NULL,
            CONSTRAINT pk_pannes PRIMARY KEY (organisation_id)
        );
        """
    )
