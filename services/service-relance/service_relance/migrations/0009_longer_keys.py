"""Keys that name both an invoice and a payment, whose ids may have 64 characters each."""

from alembic import op

revision = "relance_0009"
down_revision = "relance_0008"
branch_labels = None


def upgrade() -> None:
    op.execute("ALTER TABLE relance ALTER COLUMN cle TYPE varchar(160);")
