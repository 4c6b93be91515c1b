"""Keys of names (C10) for search and sort, in every client and company sheet.

A client that would share phone and key with another from now on (R4) keeps its former key.
"""

import logging

from alembic import op
from db_utils import Key, Searched
from db_utils.filling import fill_keys, key_column

revision = "clients_0003"
down_revision = "clients_0002"
branch_labels = None

_log = logging.getLogger(__name__)
_CLIENT_KEYS = {
    "nom_cle": Key("nom"),
    "prenom_cle": Key("prenom"),
    "recherche_cle": Searched(
        texts=("nom", "prenom"), codes=("email", "telephone"), numbers=("telephone_e164",)
    ),
}
_COMPANY_KEYS = {
    "raison_sociale_cle": Key("raison_sociale"),
    "recherche_cle": Searched(texts=("raison_sociale",), codes=("siren",)),
}
_KEEP_FORMER = """
    UPDATE client_bases c SET nom_cle = former.nom_cle
    FROM former_keys former
    WHERE former.id = c.id AND c.nom_cle <> former.nom_cle
      AND c.supprime_le IS NULL AND c.telephone_e164 IS NOT NULL
      AND EXISTS (
          SELECT FROM client_bases o JOIN former_keys other USING (id)
          WHERE o.organisation_id = c.organisation_id AND o.telephone_e164 = c.telephone_e164
            AND o.nom_cle = c.nom_cle AND o.supprime_le IS NULL AND o.id <> c.id
            AND (o.nom_cle = other.nom_cle OR (o.created_at, o.id) < (c.created_at, c.id))
      )
    RETURNING c.id
"""


def upgrade() -> None:
    op.execute(
        """
        DROP INDEX uq_client_tel_nom;
        DROP INDEX ix_client_bases_created_at;
        CREATE TEMP TABLE former_keys ON COMMIT DROP AS SELECT id, nom_cle COLLATE "C" FROM client_bases;
        ALTER TABLE client_bases
            ALTER nom_cle TYPE text COLLATE "C", ALTER nom_cle SET DEFAULT '';
        """
    )
    for name in ("prenom_cle", "recherche_cle"):
        op.add_column("client_bases", key_column(name, _CLIENT_KEYS[name]))
    for name, key in _COMPANY_KEYS.items():
        op.add_column("client_entreprises", key_column(name, key))
    fill_keys(op.get_bind(), "client_bases", _CLIENT_KEYS, names=("nom", "prenom"))
    fill_keys(op.get_bind(), "client_entreprises", _COMPANY_KEYS, names=("raison_sociale",))
    _keep_apart()
    op.execute(
        """
        CREATE UNIQUE INDEX uq_client_tel_nom ON client_bases (organisation_id, telephone_e164, nom_cle)
            WHERE supprime_le IS NULL AND telephone_e164 IS NOT NULL;
        CREATE INDEX ix_client_bases_created_at ON client_bases (organisation_id, created_at, id)
            INCLUDE (recherche_cle, nom_cle, prenom_cle, date_creation) WHERE supprime_le IS NULL;
        CREATE INDEX ix_client_bases_nom ON client_bases (organisation_id, nom_cle, id)
            WHERE supprime_le IS NULL;
        CREATE INDEX ix_client_bases_prenom ON client_bases (organisation_id, prenom_cle, id)
            WHERE supprime_le IS NULL;
        CREATE INDEX ix_client_entreprises_raison_sociale
            ON client_entreprises (organisation_id, raison_sociale_cle, id);
        DROP TABLE former_keys;
        """
    )


def _keep_apart() -> None:
    """Give clients that now share phone and key their former keys, until none do.

    One of each group keeps the new key: who has it already, or the oldest.
    """
    op.execute("ANALYZE client_bases; ANALYZE former_keys")
    op.execute("CREATE INDEX shared_keys ON client_bases (organisation_id, telephone_e164, nom_cle)")
    while kept := op.get_bind().exec_driver_sql(_KEEP_FORMER).scalars().all():
        for client_id in kept:
            _log.warning("client_bases %s keeps its former key: another has its phone and name", client_id)
    op.execute("DROP INDEX shared_keys")
