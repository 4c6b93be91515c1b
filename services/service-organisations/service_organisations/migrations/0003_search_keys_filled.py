"""Keys of names (C10) in every organisation, company, partner and list entry.

Format characters leave the names.
"""

from db_utils import Key, Searched
from db_utils.migrations import fill_keys

revision = "organisations_0003"
down_revision = "organisations_0002"
branch_labels = None

_TABLES = (
    ("organisations", "nom", ("email", "siret")),
    ("societes", "raison_sociale", ("siren",)),
    ("partenaires_marque_blanche", "denomination", ("siren",)),
    ("referentiels", "nom", ("code",)),
)


def upgrade() -> None:
    for table, name, codes in _TABLES:
        keys = {f"{name}_cle": Key(name), "recherche_cle": Searched(texts=(name,), codes=codes)}
        fill_keys(table, keys, names=(name,))
