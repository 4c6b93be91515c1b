"""Keys of names (C10) in every client and company sheet; format characters leave the names.

A client that would share phone and key with another from now on (R4) keeps its former key.
"""

from db_utils import Key, Searched
from db_utils.migrations import fill_keys

revision = "clients_0007"
down_revision = "clients_0006"
branch_labels = None


def upgrade() -> None:
    searched = Searched(
        texts=("nom", "prenom"),
        codes=("email", "telephone"),
        numbers=("telephone_e164", "telephone_national"),
    )
    fill_keys(
        "client_bases",
        {"nom_cle": Key("nom"), "prenom_cle": Key("prenom"), "recherche_cle": searched},
        names=("nom", "prenom"),
        unique="nom_cle",
    )
    fill_keys(
        "client_entreprises",
        {
            "raison_sociale_cle": Key("raison_sociale"),
            "recherche_cle": Searched(texts=("raison_sociale",), codes=("siren",)),
        },
        names=("raison_sociale",),
    )
