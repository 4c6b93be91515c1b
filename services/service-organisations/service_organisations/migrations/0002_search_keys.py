"""Columns for the keys of names (C10), by which everything here is searched and sorted."""

from db_utils import Key, Searched
from db_utils.migrations import add_keys

revision = "organisations_0002"
down_revision = "organisations_0001"
branch_labels = None

_TABLES = (
    ("organisations", "nom"),
    ("societes", "raison_sociale"),
    ("partenaires_marque_blanche", "denomination"),
    ("referentiels", "nom"),
)


def upgrade() -> None:
    # The next migration fills them and says from which columns.
    for table, name in _TABLES:
        add_keys(table, {f"{name}_cle": Key(name), "recherche_cle": Searched()})
