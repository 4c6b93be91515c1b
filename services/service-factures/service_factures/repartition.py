"""What is received at each rate, as pure functions (R39, R41): receipts, reversals, and avoirs in between.

Money that was too much when it came is at no rate. Two things hold after each act: what is received at a
rate is never negative, and no rate is received beyond what it comes to while another one is still owed.
So an invoice that is settled has nothing left at any rate, and one whose règlements are all taken back
has received nothing at any rate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from service_factures.models import ZERO
from service_factures.partage import shares
from service_factures.totaux import Part

Moves = dict[Decimal, Decimal]
"""Amounts with VAT by rate, positive when received, negative when taken back; none is 0."""


@dataclass(frozen=True, slots=True)
class Poste:
    """A rate of an invoice: what it comes to with VAT, less avoirs, and what is received of that."""

    taux: Decimal
    du: Decimal
    recu: Decimal = ZERO

    @property
    def reste(self) -> Decimal:
        """What is still to receive."""
        return max(ZERO, self.du - self.recu)

    @property
    def exces(self) -> Decimal:
        """What is received beyond what avoirs have left."""
        return max(ZERO, self.recu - self.du)


def postes(
    parts: Iterable[Part], credited: Iterable[Part], received: Mapping[Decimal, Decimal]
) -> list[Poste]:
    """The rates of an invoice of *parts*, the highest first, after avoirs and receipts."""
    du = {part.taux: part.ttc for part in parts}
    for part in credited:
        du[part.taux] -= part.ttc
    return [Poste(taux, du[taux], received.get(taux, ZERO)) for taux in sorted(du, reverse=True)]


def receipt(rates: Sequence[Poste], montant: Decimal) -> Moves:
    """*montant*, at most what is owed, over what is still to receive at each rate (R39)."""
    return _moves(rates, shares(montant, [one.reste for one in rates]))


def reversal(
    rates: Sequence[Poste], montant: Decimal, unsplit: Decimal, own: Mapping[Decimal, Decimal]
) -> Moves:
    """*montant* taken back of a règlement that has received *own* at each rate (R41).

    What is at no rate (*unsplit*) goes first, then what rates have received beyond what avoirs left,
    then the règlement's own rates, and the others only where it has no more.
    """
    left = montant - min(montant, unsplit)
    recu = [one.recu for one in rates]
    for claims in (
        [one.exces for one in rates],
        [max(ZERO, own.get(one.taux, ZERO)) for one in rates],
        recu,
    ):
        if not left:
            break
        room = [min(claim, rest) for claim, rest in zip(claims, recu, strict=True)]
        taken = shares(min(left, sum(room, ZERO)), room)
        recu = [rest - share for rest, share in zip(recu, taken, strict=True)]
        left -= sum(taken, ZERO)
    return _moves(rates, [after - one.recu for after, one in zip(recu, rates, strict=True)])


def shift(rates: Sequence[Poste]) -> Moves:
    """What moves from rates that an avoir left with too much to those still owed; in sum nothing."""
    room, over = [one.reste for one in rates], [one.exces for one in rates]
    montant = min(sum(room, ZERO), sum(over, ZERO))
    pairs = zip(shares(montant, room), shares(montant, over), strict=True)
    return _moves(rates, [more - less for more, less in pairs])


def _moves(rates: Sequence[Poste], amounts: Sequence[Decimal]) -> Moves:
    return {one.taux: amount for one, amount in zip(rates, amounts, strict=True) if amount}
