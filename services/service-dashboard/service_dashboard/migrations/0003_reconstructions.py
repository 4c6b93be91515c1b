"""When projections were last compared with their sources."""

from alembic import op

revision = "dashboard_0003"
down_revision = "dashboard_0002"
branch_labels = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE reconstructions (
            organisation_id varchar(64) NOT NULL,
            faite_le timestamptz NOT NULL,
            CONSTRAINT pk_reconstructions PRIMARY KEY (organisation_id)
        );
        """
    )
