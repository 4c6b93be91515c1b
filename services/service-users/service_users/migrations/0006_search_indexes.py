"""Indexes by the keys of names, instead of those by the names themselves."""

from db_utils.migrations import build_index, drop_index

revision = "users_0006"
down_revision = "users_0005"
branch_labels = None
incompatible = (
    "the indexes by the names themselves are gone: the former version sorts all users for a page by name,"
    " so replace it soon"
)


def upgrade() -> None:
    build_index("ix_utilisateurs_nom_cle", "utilisateurs (nom_cle, id) WHERE supprime_le IS NULL")
    build_index("ix_utilisateurs_prenom_cle", "utilisateurs (prenom_cle, id) WHERE supprime_le IS NULL")
    drop_index("ix_utilisateurs_nom")
    drop_index("ix_utilisateurs_prenom")
