"""Index by which the revocations of all tokens of a user are read in the order they were written."""

from db_utils.migrations import build_index

revision = "auth_0003"
down_revision = "auth_0002"
branch_labels = None


def upgrade() -> None:
    build_index("ix_revocations_globales_revoque_le", "revocations_globales (revoque_le)")
