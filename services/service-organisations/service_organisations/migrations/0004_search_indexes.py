"""Indexes by the keys of names."""

from db_utils.migrations import build_index, drop_index

revision = "organisations_0004"
down_revision = "organisations_0003"
branch_labels = None
incompatible = (
    "the indexes by the names themselves are gone: the former version sorts all rows of an organisation"
    " for a page by name, so replace it soon"
)


def upgrade() -> None:
    build_index("ix_organisations_nom_cle", "organisations (nom_cle, id)")
    build_index("ix_societes_raison_sociale_cle", "societes (organisation_id, raison_sociale_cle, id)")
    build_index(
        "ix_partenaires_denomination_cle",
        "partenaires_marque_blanche (organisation_id, denomination_cle, id)",
    )
    for former in ("ix_organisations_nom", "ix_societes_raison_sociale", "ix_partenaires_denomination"):
        drop_index(former)
