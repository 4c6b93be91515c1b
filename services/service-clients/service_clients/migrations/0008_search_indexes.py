"""Indexes by the keys of names; that of the newest clients holds what a search reads."""

from db_utils.migrations import build_index, drop_index

revision = "clients_0008"
down_revision = "clients_0007"
branch_labels = None
compatible = (
    "ix_client_bases_recherche begins as ix_client_bases_created_at and serves the former version, too"
)


def upgrade() -> None:
    build_index(
        "ix_client_bases_recherche",
        "client_bases (organisation_id, created_at, id)"
        " INCLUDE (recherche_cle, nom_cle, prenom_cle, date_creation) WHERE supprime_le IS NULL",
    )
    drop_index("ix_client_bases_created_at")
    build_index(
        "ix_client_bases_nom", "client_bases (organisation_id, nom_cle, id) WHERE supprime_le IS NULL"
    )
    build_index(
        "ix_client_bases_prenom", "client_bases (organisation_id, prenom_cle, id) WHERE supprime_le IS NULL"
    )
    build_index(
        "ix_client_entreprises_raison_sociale",
        "client_entreprises (organisation_id, raison_sociale_cle, id)",
    )
