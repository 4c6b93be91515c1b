"""Revocations are read by when they were written, also those of all tokens of a user."""

from db_utils.online import build_index

revision = "auth_0003"
down_revision = "auth_0002"
branch_labels = None


def upgrade() -> None:
    build_index("ix_revocations_globales_revoque_le", "revocations_globales (revoque_le)")
