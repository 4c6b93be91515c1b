"""The organisation that a sign-in names, and tokens that end for one organisation only.

The former version may go on running: what it does not write has a default, and its own
statements find the keys that they name.
"""

from alembic import op

revision = "auth_0002"
down_revision = "auth_0001"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE demandes_oauth ADD COLUMN organisation varchar(64) NOT NULL DEFAULT '';

        ALTER TABLE revocations_globales
            ADD COLUMN motif varchar(20) NOT NULL DEFAULT 'mot_de_passe',
            ADD COLUMN revoque_le timestamptz NOT NULL DEFAULT now(),
            ADD CONSTRAINT ck_revocations_globales_motif CHECK (
                motif IN ('mot_de_passe', 'desactivation', 'suppression', 'adhesion', 'reprise')
            );
        UPDATE revocations_globales SET revoque_le = avant;
        CREATE INDEX ix_revocations_globales_revoque_le ON revocations_globales (revoque_le);

        CREATE TABLE revocations_organisation (
            utilisateur_id varchar(64) NOT NULL,
            organisation varchar(64) NOT NULL,
            avant timestamptz NOT NULL,
            motif varchar(20) NOT NULL,
            revoque_le timestamptz NOT NULL,
            CONSTRAINT pk_revocations_organisation PRIMARY KEY (utilisateur_id, organisation),
            CONSTRAINT ck_revocations_organisation_motif CHECK (
                motif IN ('mot_de_passe', 'desactivation', 'suppression', 'adhesion', 'reprise')
            )
        );
        CREATE INDEX ix_revocations_organisation_avant ON revocations_organisation (avant);
        CREATE INDEX ix_revocations_organisation_revoque_le ON revocations_organisation (revoque_le);
        """
    )
