"""What is taken back of a commission: window, share, amount, period (R16–R19). Pure functions."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from db_utils import months_later
from grpc_utils import rounded

from service_commission.baremes import Bareme
from service_commission.models import ZERO

_HUNDRED: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Part:
    """The share of a commission that is taken back, in percent, and what it comes to."""

    montant: Decimal
    taux: Decimal
    mois_ecoules: int | None = None


def full_months(start: date, end: date) -> int:
    """Whole months from *start* to *end*, at least none."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return max(0, months if months_later(start, months) <= end else months - 1)


def window_open(bareme: Bareme, encaissement: date, evenement: date) -> bool:
    """Whether a contract that ends on *evenement* still takes its INITIALE back (R17)."""
    return evenement < months_later(encaissement, bareme.duree_reprises_mois)


def resiliation(bareme: Bareme, montant: Decimal, encaissement: date, evenement: date) -> Part:
    """The part of an INITIALE that a termination within the window takes back (R18)."""
    share = montant * bareme.taux_reprise / _HUNDRED
    if not bareme.precomptee:
        return Part(rounded(share), bareme.taux_reprise)
    elapsed, duration = full_months(encaissement, evenement), bareme.duree_reprises_mois
    return Part(rounded(share * max(0, duration - elapsed) / duration), bareme.taux_reprise, elapsed)


def impaye(montant: Decimal) -> Part:
    """The whole of a commission whose money has gone back (R16)."""
    return Part(montant, _HUNDRED)


def annulation(montant: Decimal, rembourse: Decimal, encaisse: Decimal | None) -> Part:
    """The part of a commission whose money was refunded in part (R16).

    A commission that was computed without a receipt is taken back by the amount itself.
    """
    if not encaisse:
        return Part(min(rembourse, montant), _HUNDRED)
    share = min(rembourse / encaisse, Decimal(1))
    return Part(rounded(montant * share), rounded(share * _HUNDRED))


def still_due(part: Part, montant: Decimal, repris: Decimal) -> Decimal:
    """What *part* still takes of a commission of which *repris* was taken already (R19)."""
    return max(ZERO, min(part.montant, montant - repris))
