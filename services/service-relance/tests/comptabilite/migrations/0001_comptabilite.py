"""Nothing: the double keeps what it knows in memory."""

revision = "comptabilite_0001"
down_revision = None
branch_labels = ("comptabilite",)


def upgrade() -> None:
    """Change nothing."""
