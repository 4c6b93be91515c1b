"""Bordereaux as values for the tests of their files, and what the files say when they are read back."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from openpyxl import load_workbook
from pypdf import PdfReader
from service_commission.decomptes import decompte
from service_commission.exports import Imputation, LigneCommission, LigneReprise, Releve

VALIDE_LE = datetime(2026, 3, 5, 10, 30, tzinfo=UTC)
CENT = Decimal("0.01")


def commission(number: int = 1, **fields: Any) -> LigneCommission:
    """The commission of the common story, with another *number*."""
    told: dict[str, Any] = {
        "reference": f"COM-2026-02-{number:06d}",
        "nature": "Initiale",
        "date_encaissement": date(2026, 2, 5),
        "contrat": f"contrat-{number}",
        "base_ht": Decimal("41.58"),
        "taux": Decimal("10.00"),
        "bareme": "STANDARD v1",
        "montant": Decimal("4.16"),
    }
    return LigneCommission(**(told | fields))


def reprise(montant: str = "1.67", **fields: Any) -> LigneReprise:
    """What is taken back of that commission."""
    told: dict[str, Any] = {
        "reference": "COM-2026-01-000007",
        "nature": "Impayé",
        "date_evenement": date(2026, 1, 20),
        "contrat": "contrat-7",
        "motif": "Rejet MD06",
        "montant": Decimal(montant),
    }
    return LigneReprise(**(told | fields))


def releve(*commissions: LigneCommission, reprises: tuple[LigneReprise, ...] = (), **fields: Any) -> Releve:
    """A bordereau of these lines, less a carry-over of 1.00 and an acompte of 0.49."""
    account = decompte(
        sum((one.montant for one in commissions), Decimal("0.00")),
        sum((one.montant for one in reprises), Decimal("0.00")),
        [Decimal("1.00")],
        [Decimal("0.49")],
    )
    told: dict[str, Any] = {
        "reference": "BRD-2026-02-000001",
        "periode": "2026-02",
        "societe": "Atelier Élan",
        "beneficiaire": "Łukasz Œuvrard",
        "valide_le": VALIDE_LE,
        "valide_par": "user-1",
        "decompte": account,
        "commissions": commissions,
        "reprises": reprises,
        "imputations": (
            Imputation("Report de 2026-01", Decimal("1.00")),
            Imputation("Acompte de 2026-02", Decimal("0.49")),
        ),
    }
    return Releve(**(told | fields))


def text_of(pdf: bytes) -> str:
    """What the PDF says, with plain spaces."""
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).replace("\u00a0", " ")


def cells_of(xlsx: bytes, sheet: str) -> list[tuple[Any, ...]]:
    """The rows of *sheet* below its headings; formulas would come as texts that begin with =."""
    book = load_workbook(io.BytesIO(xlsx), read_only=True)
    return [tuple(cell.value for cell in row) for row in list(book[sheet].rows)[1:]]


def totals_of(xlsx: bytes) -> dict[str, Any]:
    """The sheet Total by its labels, amounts to the cent."""
    return {
        row[0]: Decimal(str(row[1])).quantize(CENT) if isinstance(row[1], int | float) else row[1]
        for row in cells_of(xlsx, "Total")
    }
