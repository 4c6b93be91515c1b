"""Receipts by rate (R39, R41): worked examples, and that no cent is left at any rate in the end."""

import random
from collections.abc import Sequence
from decimal import Decimal

from service_factures import avoirs_rules, repartition
from service_factures.avoirs_rules import RienACrediter
from service_factures.models import ZERO
from service_factures.repartition import Moves, Poste
from service_factures.totaux import Ligne, Montant, Part, of_lignes, of_montants

_TWENTY, _TEN, _LOW = Decimal("20"), Decimal("10"), Decimal("5.5")
_RATES = tuple(map(Decimal, ("20", "13", "10", "8.5", "5.5", "2.1", "1.05", "0.9", "0")))
_CENT = Decimal("0.01")
R3 = [
    Part(_TWENTY, Decimal("29.91"), Decimal("5.98")),
    Part(_TEN, Decimal("45.50"), Decimal("4.55")),
    Part(_LOW, Decimal("24.70"), Decimal("1.36")),
]


def _by_rate(*amounts: str) -> Moves:
    return {rate: Decimal(one) for rate, one in zip((_TWENTY, _TEN, _LOW), amounts, strict=True)}


def test_R39_the_worked_example() -> None:
    """50.00 and 62.00 of 112.00 are exactly what each rate comes to."""
    first = repartition.receipt(repartition.postes(R3, [], {}), Decimal(50))
    assert first == _by_rate("16.02", "22.34", "11.64")
    second = repartition.receipt(repartition.postes(R3, [], first), Decimal(62))
    assert second == _by_rate("19.87", "27.71", "14.42")
    assert {rate: first[rate] + second[rate] for rate in first} == _by_rate("35.89", "50.05", "26.06")


def test_R41_a_receipt_is_taken_back_as_it_came() -> None:
    """All of it at its own rates; what was too much goes first."""
    first, second = _by_rate("16.02", "22.34", "11.64"), _by_rate("19.87", "27.71", "14.42")
    both = {rate: first[rate] + second[rate] for rate in first}
    rates = repartition.postes(R3, [], both)
    back = repartition.reversal(rates, Decimal(62), ZERO, second)
    assert back == {rate: -amount for rate, amount in second.items()}
    assert repartition.reversal(rates, Decimal(10), Decimal(10), second) == {}
    assert sum(repartition.reversal(rates, Decimal(60), Decimal(10), second).values()) == Decimal(-50)


def test_R41_a_receipt_is_taken_back_at_its_own_rates() -> None:
    """Those of another règlement, which came before an avoir, were others; they go last."""
    rates = [Poste(_TWENTY, Decimal(40), Decimal(40)), Poste(_TEN, Decimal(60), Decimal(60))]
    own = {_TWENTY: Decimal(10), _TEN: Decimal(30)}
    back = repartition.reversal(rates, Decimal(40), ZERO, own)
    assert back == {_TWENTY: Decimal(-10), _TEN: Decimal(-30)}
    more = repartition.reversal(rates, Decimal(70), ZERO, own)
    assert more == {_TWENTY: Decimal(-25), _TEN: Decimal(-45)}


def test_R41_a_refund_after_an_avoir_is_of_the_rate_that_was_credited() -> None:
    """60.00 at 20 % and 60.00 at 10 % are paid, the first is credited and refunded."""
    rates = [Poste(_TWENTY, ZERO, Decimal(60)), Poste(_TEN, Decimal(60), Decimal(60))]
    back = repartition.reversal(rates, Decimal(60), ZERO, {_TWENTY: Decimal(60), _TEN: Decimal(60)})
    assert back == {_TWENTY: Decimal(-60)}


def test_R39_an_avoir_moves_what_its_rate_had_received_to_those_still_owed() -> None:
    """Half is paid, then one of two rates is credited: all of the money is of the other one."""
    rates = [Poste(_TWENTY, ZERO, Decimal(30)), Poste(_TEN, Decimal(60), Decimal(30))]
    assert repartition.shift(rates) == {_TWENTY: Decimal(-30), _TEN: Decimal(30)}
    assert repartition.shift(repartition.postes(R3, [], {})) == {}


class _Invoice:
    """An invoice that lives by the pure rules alone."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        rates = chance.sample(_RATES, chance.randint(1, 6))
        amounts = [(rate, Decimal(chance.randint(1, 300_000)) / 100) for rate in rates]
        lignes = [Ligne("x", Decimal(1), one, ZERO, rate, one) for rate, one in amounts]
        by_montant = chance.random() < 0.5
        montants = [Montant(one, rate) for rate, one in amounts]
        self.parts = (of_montants(montants) if by_montant else of_lignes(lignes)).parts
        self.credited: list[Part] = []
        self.received: Moves = {}
        self.own: list[Moves] = []
        self.reglements: list[Decimal] = []
        self.regle, self.du = ZERO, sum((one.ttc for one in self.parts), ZERO)

    @property
    def solde(self) -> Decimal:
        return max(ZERO, self.du - self.regle)

    def rates(self) -> Sequence[Poste]:
        return repartition.postes(self.parts, self.credited, self.received)

    def _note(self, rang: int, moves: Moves) -> None:
        for sums in (self.received, self.own[rang]):
            for rate, amount in moves.items():
                sums[rate] = sums.get(rate, ZERO) + amount

    def pay(self, montant: Decimal) -> None:
        self.own.append({})
        self._note(-1, repartition.receipt(self.rates(), min(montant, self.solde)))
        self.reglements.append(montant)
        self.regle += montant

    def take_back(self, rang: int, montant: Decimal) -> None:
        unsplit = self.regle - sum(self.received.values(), ZERO)
        self._note(rang, repartition.reversal(self.rates(), montant, unsplit, self.own[rang]))
        self.reglements[rang] -= montant
        self.regle -= montant

    def credit(self, montant: Decimal) -> None:
        rest = avoirs_rules.restes(self.parts, self.credited)
        if self._chance.random() < 0.5:  # one rate whole, as an avoir by lines does
            rest = (self._chance.choice(rest),)
            montant = min(montant, rest[0].ttc)
        try:
            avoir = avoirs_rules.of_montant("x", montant, rest).totaux
        except RienACrediter:
            return
        self.credited += avoir.parts
        self.du -= avoir.ttc
        if self.reglements:
            self._note(-1, repartition.shift(self.rates()))

    def some(self, most: Decimal) -> Decimal:
        return Decimal(self._chance.randint(1, max(1, int(most * 100)))) / 100

    def live(self) -> None:
        for _ in range(self._chance.randint(1, 3)):
            act = self._chance.random()
            if act < 0.5:
                self.pay(self.some(self.du * Decimal("0.8") + 1))
            elif act < 0.75 and self.regle:
                self._take_some_back()
            elif self.du:
                self.credit(self.some(self.du))

    def _take_some_back(self) -> None:
        rang = self._chance.choice([rang for rang, one in enumerate(self.reglements) if one])
        self.take_back(rang, self.some(self.reglements[rang]))

    def settle(self) -> None:
        """Pay what is owed, or refund what is too much."""
        if self.solde:
            self.pay(self.solde)
        for rang, left in enumerate(self.reglements):
            over = min(left, max(ZERO, self.regle - self.du))
            if over:
                self.take_back(rang, over)


def test_R39_every_rate_ends_at_zero() -> None:
    """20 000 invoices of up to six rates, with receipts, avoirs and reversals in any order."""
    chance = random.Random(39)
    for _ in range(20_000):
        invoice = _Invoice(chance)
        invoice.live()
        assert all(one.recu >= 0 for one in invoice.rates())
        invoice.settle()
        assert [one for one in invoice.rates() if one.du != one.recu] == []
        for rang, left in enumerate(invoice.reglements):
            if left:
                invoice.take_back(rang, left)
        assert not any(invoice.received.values())
