"""The account of a bordereau as pure arithmetic: totals, imputations, ceiling of acomptes (R22, R23, R26)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from grpc_utils import rounded

_NOTHING: Final = Decimal("0.00")
_HALF: Final = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Decompte:
    """What the selected lines of a bordereau come to.

    *reports* and *acomptes* are what is taken from each of those that were given, in their order.
    """

    brut: Decimal
    reprises: Decimal
    reports: tuple[Decimal, ...]
    acomptes: tuple[Decimal, ...]
    net: Decimal
    report_genere: Decimal

    @property
    def total_reports(self) -> Decimal:
        """What older carry-overs take."""
        return total(self.reports)

    @property
    def total_acomptes(self) -> Decimal:
        """What acomptes that were paid before take."""
        return total(self.acomptes)


def decompte(
    brut: Decimal, reprises: Decimal, reports: Sequence[Decimal], acomptes: Sequence[Decimal]
) -> Decompte:
    """The account of *brut* less *reprises*; *reports* and *acomptes* are what is left of each, oldest first.

    Reprises beyond the brut leave nothing to pay and a carry-over, and touch no older one. Otherwise
    carry-overs are taken first, then acomptes, each up to what is left (R22).
    """
    left = brut - reprises
    genere = max(-left, _NOTHING)
    of_reports, left = _imputed(reports, left)
    of_acomptes, left = _imputed(acomptes, left)
    return Decompte(brut, reprises, of_reports, of_acomptes, max(left, _NOTHING), genere)


def _imputed(owed: Sequence[Decimal], left: Decimal) -> tuple[tuple[Decimal, ...], Decimal]:
    taken = []
    for restant in owed:
        part = max(min(restant, left), _NOTHING)
        taken.append(part)
        left -= part
    return tuple(taken), left


def total(montants: Iterable[Decimal]) -> Decimal:
    """The sum of *montants*, 0.00 of none."""
    return sum(montants, _NOTHING)


def plafond(brut: Decimal, reprises: Decimal, reports: Decimal, acomptes: Decimal) -> Decimal:
    """The most that may still be paid in advance (R26).

    Half of what is due, less the acomptes under way; *brut* and *reprises* are those of no validated
    bordereau, *reports* and *acomptes* what is left of them.
    """
    return max(_NOTHING, rounded((brut - reprises - reports) * _HALF) - acomptes)
