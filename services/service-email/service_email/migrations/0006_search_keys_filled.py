"""Keys of subjects (C10) in every message."""

from db_utils import Key
from db_utils.migrations import fill_keys

revision = "email_0006"
down_revision = "email_0005"
branch_labels = None


def upgrade() -> None:
    fill_keys("messages", {"sujet_cle": Key("sujet")})
