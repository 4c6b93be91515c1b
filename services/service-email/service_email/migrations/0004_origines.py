"""Validation of the longer list of origins for older rows, during which others may write."""

from alembic import op

revision = "email_0004"
down_revision = "email_0003"
compatible = "the list of origins becomes longer, and holds all that the former version writes"


def upgrade() -> None:
    op.execute("ALTER TABLE messages VALIDATE CONSTRAINT ck_messages_origine")
