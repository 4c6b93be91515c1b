"""What a key is bound to (C21); rows from before have a key of the service's own, and no content."""

from alembic import op

revision = "notifications_0002"
down_revision = "notifications_0001"


def upgrade() -> None:
    op.execute("ALTER TABLE notifications ADD COLUMN contenu_hash bytea")
