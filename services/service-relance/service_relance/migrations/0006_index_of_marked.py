"""Index by which the reminders are found whose day the calendar has not confirmed yet."""

from db_utils.migrations import build_index

revision = "relance_0006"
down_revision = "relance_0005"
branch_labels = None


def upgrade() -> None:
    build_index(
        "ix_relance_a_recalculer", "relance (organisation_id) WHERE a_recalculer AND statut = 'PLANIFIEE'"
    )
