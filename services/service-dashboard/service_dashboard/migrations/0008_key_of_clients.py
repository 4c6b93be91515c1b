"""The primary key of clients begins with the organisation, like every other one; its index exists."""

from alembic import op

revision = "dashboard_0008"
down_revision = "dashboard_0007"
branch_labels = None
compatible = (
    "the index that becomes the key exists already and only gets its name, so nobody waits long;"
    " the former version names no columns where it inserts what may be there"
)


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE clients_vus
            DROP CONSTRAINT pk_clients_vus,
            ADD CONSTRAINT pk_clients_vus PRIMARY KEY USING INDEX pk_clients_vus_organisation;
        """
    )
