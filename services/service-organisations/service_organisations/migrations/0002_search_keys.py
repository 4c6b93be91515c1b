"""Keys of names (C10) for search and sort, in every organisation, company, partner and list entry."""

from alembic import op
from db_utils import Key, Searched
from db_utils.filling import fill_keys, key_column

revision = "organisations_0002"
down_revision = "organisations_0001"
branch_labels = None

_TABLES = (
    ("organisations", "nom", ("email", "siret")),
    ("societes", "raison_sociale", ("siren",)),
    ("partenaires_marque_blanche", "denomination", ("siren",)),
    ("referentiels", "nom", ("code",)),
)


def upgrade() -> None:
    op.execute(
        """
        DROP INDEX ix_organisations_nom;
        DROP INDEX ix_societes_raison_sociale;
        DROP INDEX ix_partenaires_denomination;
        """
    )
    for table, name, codes in _TABLES:
        keys = {f"{name}_cle": Key(name), "recherche_cle": Searched(texts=(name,), codes=codes)}
        for column, key in keys.items():
            op.add_column(table, key_column(column, key))
        fill_keys(op.get_bind(), table, keys, names=(name,))
    op.execute(
        """
        CREATE INDEX ix_organisations_nom ON organisations (nom_cle, id);
        CREATE INDEX ix_societes_raison_sociale ON societes (organisation_id, raison_sociale_cle, id);
        CREATE INDEX ix_partenaires_denomination
            ON partenaires_marque_blanche (organisation_id, denomination_cle, id);
        """
    )
