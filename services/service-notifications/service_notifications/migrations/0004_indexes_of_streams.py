"""The indexes by which streams, their numbering and the deletion of old notifications find their rows."""

from db_utils.migrations import build_index

revision = "notifications_0004"
down_revision = "notifications_0003"


def upgrade() -> None:
    build_index("ix_notifications_unnumbered", "notifications (id) WHERE sequence IS NULL")
    build_index("ix_notifications_sequence", "notifications (organisation_id, sequence)")
    build_index("ix_notifications_age", "notifications (created_at)")
