"""A company without a SIREN is known by its VAT number, once in an organisation."""

from db_utils.migrations import build_index

revision = "clients_0005"
down_revision = "clients_0004"
branch_labels = None
compatible = "the former version writes a SIREN in every sheet, so that none of its rows is in the index"


def upgrade() -> None:
    build_index(
        "uq_client_entreprise_tva",
        "client_entreprises (organisation_id, numero_tva) WHERE siren IS NULL AND numero_tva IS NOT NULL",
        unique=True,
    )
