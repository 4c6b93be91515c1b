"""Late-payment rates (R15), and the word to the finance team when the law's rate is not known yet."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from db_utils import Transaction
from service_kit.outgoing import AVERTISSEMENT, alert

A_CONFIRMER: Final = "TAUX_PENALITES_A_CONFIRMER"
INDEMNITE: Final = Decimal("40.00")  # code de commerce D441-5
# ECB refinancing rate of the half-year plus 10 points (code de commerce L441-10, II).
TAUX: Final[Mapping[str, Decimal]] = {
    "2024-S1": Decimal("14.50"),
    "2024-S2": Decimal("14.25"),
    "2025-S1": Decimal("13.15"),
    "2025-S2": Decimal("12.15"),
    "2026-S1": Decimal("12.15"),
    "2026-S2": Decimal("12.40"),
}


def semestre(day: date) -> str:
    """The half-year of *day*, as in 2026-S2."""
    return f"{day.year}-S{1 if day.month <= 6 else 2}"


def taux(day: date, configured: Decimal | None) -> tuple[Decimal, bool]:
    """The rate of an invoice of *day*, and whether it is sure: that of an unknown half-year is not."""
    if configured is not None:
        return configured, True
    wanted = semestre(day)
    known = [rate for name, rate in sorted(TAUX.items()) if name <= wanted]
    return (known[-1] if known else next(iter(TAUX.values()))), wanted in TAUX


async def owe_alert(tx: Transaction, organisation_id: str, day: date) -> None:
    """Owe the finance team one word about the half-year of *day*, with the invoice of *tx* (C22)."""
    key = f"taux-penalites:{organisation_id}:{semestre(day)}"
    await alert(
        tx,
        organisation_id,
        key,
        niveau=AVERTISSEMENT,
        titre="Taux de pénalités à confirmer",
        message=f"Le taux des pénalités de retard du semestre {semestre(day)} n'est pas connu : "
        "les factures portent le dernier taux connu. Confirmez-le dans les paramètres.",
    )
