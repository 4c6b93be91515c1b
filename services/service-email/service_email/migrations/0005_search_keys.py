"""A column for the key of the subject (C10), by which messages are searched."""

from db_utils import Key
from db_utils.migrations import add_keys

revision = "email_0005"
down_revision = "email_0004"
branch_labels = None


def upgrade() -> None:
    add_keys("messages", {"sujet_cle": Key("sujet")})
