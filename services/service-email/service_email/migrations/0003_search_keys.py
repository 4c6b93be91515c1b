"""Keys of subjects (C10) for search, in every message."""

from alembic import op
from db_utils import Key
from db_utils.filling import fill_keys, key_column

revision = "email_0003"
down_revision = "email_0002"
branch_labels = None


def upgrade() -> None:
    op.add_column("messages", key_column("sujet_cle", Key("sujet")))
    fill_keys(op.get_bind(), "messages", {"sujet_cle": Key("sujet")})
