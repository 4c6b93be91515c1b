"""Nothing: the doubles keep what they know in memory."""

revision = "autour_0001"
down_revision = None
branch_labels = ("autour",)


def upgrade() -> None:
    """Change nothing."""
