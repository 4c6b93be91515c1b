"""Index that finds webhooks in conflict by the address in their way."""

from db_utils.migrations import build_index

revision = "users_0003"
down_revision = "users_0002"
branch_labels = None


def upgrade() -> None:
    build_index(
        "ix_webhooks_recus_conflit", "webhooks_recus ((charge_utile ->> 'email')) WHERE resultat = 'CONFLIT'"
    )
