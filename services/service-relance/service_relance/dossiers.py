"""What a reminder is about, as its text shows it, and the variables of templates that come of it (R3).

`textes.py` makes sentences of it. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import add

from grpc_utils import written_amount
from pdf_utils import day
from service_kit import rejets

from service_relance.penalites import Montants


@dataclass(frozen=True, slots=True, kw_only=True)
class FactureDue:
    """Invoice that is asked for. *rappels* are the days of its earlier reminders, the oldest first."""

    numero: str
    montant_facture: Decimal
    date_echeance: date | None
    jours_retard: int
    montants: Montants
    rappels: Sequence[date] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejet:
    """Debit that was rejected for the reason *code*; *numero* is that of its invoice, "" without one."""

    code: str
    date_rejet: date | None
    montant: Decimal | None
    numero: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Client and cause of a reminder, or of several that make one message; "" for what is not known.

    Addresses are lines below a name; *moyens_paiement* and *contact* are lists that follow a colon. *jour*
    is today in Paris.
    """

    declencheur: str
    jour: date
    client_nom: str
    niveau: int = 0
    professionnel: bool = False
    client_telephone: str = ""
    client_adresse: str = ""
    societe_nom: str = ""
    societe_adresse: str = ""
    moyens_paiement: str = ""
    contact: str = ""
    factures: Sequence[FactureDue] = ()
    date_creation: date | None = None
    derniere_activite: date | None = None
    reference_contrat: str = ""
    date_fin: date | None = None
    rejets: Sequence[Rejet] = ()

    @property
    def total(self) -> Montants:
        """Amounts of all invoices together."""
        return reduce(add, (one.montants for one in self.factures), Montants(Decimal("0.00")))

    @property
    def rappels(self) -> Sequence[date]:
        """Days of the earlier reminders of all invoices, the oldest first."""
        return sorted({one for facture in self.factures for one in facture.rappels})


def written(jour: date | None) -> str:
    """Day as in 05/02/2026, "" for none."""
    return "" if jour is None else day(jour)


def variables(dossier: Dossier) -> Mapping[str, str]:
    """Values of all variables of a template (R3); "" for those that *dossier* knows nothing of.

    Of several invoices the amounts are added, numbers and due dates listed, and the longest delay told.
    """
    factures, total = dossier.factures, dossier.total
    amounts = {
        "montant_du": total.montant_du,
        "montant_facture": sum((one.montant_facture for one in factures), Decimal(0)),
        "penalites": total.penalites,
        "indemnite": total.indemnite,
        "total_du": total.total_du,
    }
    return {
        "client_nom": dossier.client_nom,
        "numero_facture": _listed(one.numero for one in factures),
        "date_echeance": _listed(written(one.date_echeance) for one in factures),
        "jours_retard": str(max(one.jours_retard for one in factures)) if factures else "",
        "societe_nom": dossier.societe_nom,
        "motif_rejet": _listed(rejets.in_words(one.code) or one.code for one in dossier.rejets),
        "date_rejet": _listed(written(one.date_rejet) for one in dossier.rejets),
        "reference_contrat": dossier.reference_contrat,
        "date_fin": written(dossier.date_fin),
        **{name: written_amount(value) if factures else "" for name, value in amounts.items()},
        **_rejected_without_invoice(dossier),
    }


def _rejected_without_invoice(dossier: Dossier) -> Mapping[str, str]:
    """The amount of rejected debits, which is owed even where no invoice is known."""
    amounts = [one.montant for one in dossier.rejets if one.montant]
    if dossier.factures or not amounts:
        return {}
    total = written_amount(sum(amounts, Decimal(0)))
    return {"montant_du": total, "total_du": total}


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, texts)))
