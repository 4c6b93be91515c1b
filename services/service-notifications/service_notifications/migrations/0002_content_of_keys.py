"""A column for the content that a key is bound to (C21).

Rows from before have keys that the service made itself, and no content.
"""

from alembic import op

revision = "notifications_0002"
down_revision = "notifications_0001"


def upgrade() -> None:
    op.execute("ALTER TABLE notifications ADD COLUMN contenu_hash bytea")
