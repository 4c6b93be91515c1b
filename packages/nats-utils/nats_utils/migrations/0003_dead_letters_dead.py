"""An index by which the dead letters that somebody has to look at are counted."""

from db_utils.migrations import build_index

revision = "messaging_0003"
down_revision = "messaging_0002"


def upgrade() -> None:
    build_index("ix_dead_letters_dead", "dead_letters (id) WHERE status = 'dead'")
