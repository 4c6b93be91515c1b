"""Columns for the keys of names (C10), by which clients and company sheets are searched and sorted."""

from alembic import op
from db_utils import Key, Searched
from db_utils.migrations import add_keys

revision = "clients_0006"
down_revision = "clients_0005"
branch_labels = None
incompatible = (
    "the index of duplicates is built anew for the collation of its key, which keeps calls waiting for"
    " a second or two where there are a million clients: run it when few people work"
)


def upgrade() -> None:
    op.execute(
        """ALTER TABLE client_bases
               ALTER nom_cle TYPE text COLLATE "C", ALTER nom_cle SET DEFAULT ''"""
    )
    # The next migration fills them and says from which columns.
    add_keys("client_bases", {"prenom_cle": Key("prenom"), "recherche_cle": Searched()})
    add_keys("client_entreprises", {"raison_sociale_cle": Key("raison_sociale"), "recherche_cle": Searched()})
