"""Keys of names (C10) filled for every user; format characters leave the names."""

from db_utils import Key, Searched
from db_utils.migrations import fill_keys

revision = "users_0005"
down_revision = "users_0004"
branch_labels = None


def upgrade() -> None:
    searched = Searched(texts=("nom", "prenom"), codes=("email",))
    keys = {"nom_cle": Key("nom"), "prenom_cle": Key("prenom"), "recherche_cle": searched}
    fill_keys("utilisateurs", keys, names=("nom", "prenom"))
