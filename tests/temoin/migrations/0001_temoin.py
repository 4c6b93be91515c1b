"""Tables of the test services: entries and effects."""

from alembic import op

revision = "temoin_0001"
down_revision = None
branch_labels = ("temoin",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE dossiers (
            nom varchar(64) NOT NULL,
            rang integer NOT NULL,
            CONSTRAINT pk_dossiers PRIMARY KEY (nom)
        );
        CREATE TABLE ecritures (
            id uuid NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL,
            version integer NOT NULL DEFAULT 1,
            cle varchar(64) NOT NULL,
            dossier varchar(64) NOT NULL,
            rang integer NOT NULL,
            CONSTRAINT pk_ecritures PRIMARY KEY (id),
            CONSTRAINT uq_ecritures_cle UNIQUE (cle)
        );
        CREATE TABLE compteur (
            id integer NOT NULL,
            total integer NOT NULL,
            gueri boolean NOT NULL,
            CONSTRAINT pk_compteur PRIMARY KEY (id)
        );
        INSERT INTO compteur VALUES (1, 0, false);
        CREATE TABLE effets (
            id bigint GENERATED ALWAYS AS IDENTITY,
            event_id uuid NOT NULL,
            dossier varchar(64) NOT NULL,
            rang integer NOT NULL,
            CONSTRAINT pk_effets PRIMARY KEY (id)
        );
        """
    )
