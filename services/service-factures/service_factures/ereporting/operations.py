"""What invoices, avoirs and receipts come to in e-reporting, as pure functions (R42)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from service_factures import totaux
from service_factures.encaissement_models import EncaissementTva
from service_factures.ereporting.periodes import ENCAISSEMENT, TRANSACTION
from service_factures.models import AVOIR, BIENS, NATURES, Facture, FactureTva
from service_factures.traitements import B2BINT, B2C

REPORTED: Final = (B2C, B2BINT)
"""Treatments that are reported; B2B is told by its electronic invoice, OUTOFSCOPE not at all."""

TLB1, TPS1, TNT1 = "TLB1", "TPS1", "TNT1"
CATEGORIES: Final = (TLB1, TPS1, TNT1)
_AUTOLIQUIDATION = "AE"
# Codes of operations: goods, services, not taxed in France.
_BY_NATURE: Final[Mapping[str, str]] = {nature: TLB1 if nature == BIENS else TPS1 for nature in NATURES}
_NOT_TAXED: Final = frozenset({_AUTOLIQUIDATION, "K", "G", "O"})


@dataclass(frozen=True, slots=True)
class Operation:
    """A sale or a receipt at one rate; amounts are negative for what was taken back."""

    nature: str
    jour: date
    categorie: str
    taux: Decimal
    base_ht: Decimal
    montant_tva: Decimal
    reglement_id: UUID | None = None

    @property
    def montant_ttc(self) -> Decimal:
        """With VAT."""
        return self.base_ht + self.montant_tva


def categorie(nature_operation: str, categorie_tva: str) -> str:
    """The code of what was sold, by what it is and by its category of VAT (EN 16931, BT-118)."""
    return TNT1 if categorie_tva in _NOT_TAXED else _BY_NATURE[nature_operation]


def transactions(facture: Facture, tva: Iterable[FactureTva]) -> list[Operation]:
    """The sale of *facture*, one a rate; an avoir takes it back on its own day."""
    assert facture.date_emission is not None, "it is issued"
    sign = -1 if facture.type == AVOIR else 1
    return [
        Operation(
            TRANSACTION,
            facture.date_emission,
            categorie(facture.nature_operation, one.categorie),
            one.taux,
            sign * one.base_ht,
            sign * one.montant_tva,
        )
        for one in tva
    ]


def receipts(facture: Facture, rows: Iterable[EncaissementTva], *, option_debits: bool) -> list[Operation]:
    """Those receipts *rows* of *facture* at which VAT is owed."""
    return [_receipt(facture, row) for row in taxed_at_receipt(facture, rows, option_debits=option_debits)]


def taxed_at_receipt(
    facture: Facture, rows: Iterable[EncaissementTva], *, option_debits: bool
) -> list[EncaissementTva]:
    """Those of *rows* at which VAT is owed when they come.

    VAT on goods, and with the option for débits, is owed with the invoice; with the reverse charge the
    buyer owes it.
    """
    if facture.nature_operation == BIENS or option_debits:
        return []
    return [row for row in rows if row.categorie != _AUTOLIQUIDATION]


def _receipt(facture: Facture, row: EncaissementTva) -> Operation:
    base = totaux.without_tva(row.montant, row.taux)
    code = categorie(facture.nature_operation, row.categorie)
    tva = row.montant - base
    return Operation(ENCAISSEMENT, row.date, code, row.taux, base, tva, row.reglement_id)
