"""Keys of names (C10) for search and sort, in every user."""

from alembic import op
from db_utils import Key, Searched
from db_utils.filling import fill_keys, key_column

revision = "users_0002"
down_revision = "users_0001"
branch_labels = None

_KEYS = {
    "nom_cle": Key("nom"),
    "prenom_cle": Key("prenom"),
    "recherche_cle": Searched(texts=("nom", "prenom"), codes=("email",)),
}


def upgrade() -> None:
    op.execute("DROP INDEX ix_utilisateurs_nom; DROP INDEX ix_utilisateurs_prenom")
    for name, key in _KEYS.items():
        op.add_column("utilisateurs", key_column(name, key))
    fill_keys(op.get_bind(), "utilisateurs", _KEYS, names=("nom", "prenom"))
    op.execute(
        """
        CREATE INDEX ix_utilisateurs_nom ON utilisateurs (nom_cle, id) WHERE supprime_le IS NULL;
        CREATE INDEX ix_utilisateurs_prenom ON utilisateurs (prenom_cle, id) WHERE supprime_le IS NULL;
        """
    )
