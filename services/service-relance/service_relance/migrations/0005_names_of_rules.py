"""Keys of the names of rules (C10), by which they are sorted, filled for every rule."""

from db_utils import Key
from db_utils.migrations import fill_keys

revision = "relance_0005"
down_revision = "relance_0004"
branch_labels = None


def upgrade() -> None:
    fill_keys("regle_relance", {"nom_cle": Key("nom")})
