"""Debits and a creditor as values, for the tests of the file and of the bank."""

from datetime import UTC, date, datetime
from decimal import Decimal

from service_payments.pain008 import Beneficiaire, Debit

OUR_IBAN = "FR7630006000011234567890189"
IBAN = "FR1420041010050500013M02606"
SWISS_IBAN = "CH9300762011623852957"
RUN = datetime(2026, 2, 3, 5, 0, 0, 123456, tzinfo=UTC)  # 06:00 in Paris
MSG_ID = "R202602030A1B2C3D"
BENEFICIAIRE = Beneficiaire("Société Générale d'Énergie", "FR72ZZZ123456", OUR_IBAN, "AGRIFRPP")


def debit(number: int = 1, montant: str = "49.90", day: date = date(2026, 2, 5), **changed: object) -> Debit:
    """Debit *number* of 49.90 on 5 February, but for what is *changed*."""
    told: dict[str, object] = {
        "end_to_end_id": f"E{number:032x}",
        "montant": Decimal(montant),
        "date_prelevement": day,
        "sequence": "RCUR",
        "rum": "RUMSOC10000260112ABCDEFGH",
        "date_signature": date(2026, 1, 12),
        "nom": "Hélène & Cie – œuvre",
        "iban": IBAN,
        "bic": None,
        "libelle": "Facture FAC2026000001",
    }
    return Debit(**told | changed)  # type: ignore[arg-type]  # the values are those of the fields
