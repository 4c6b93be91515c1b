"""Columns for the keys of names (C10), by which users are searched and sorted."""

from db_utils import Key, Searched
from db_utils.migrations import add_keys

revision = "users_0004"
down_revision = "users_0003"
branch_labels = None


def upgrade() -> None:
    # What they are made of is told by the next one, which fills them.
    add_keys(
        "utilisateurs", {"nom_cle": Key("nom"), "prenom_cle": Key("prenom"), "recherche_cle": Searched()}
    )
