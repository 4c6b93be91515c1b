"""Totals, imputations and the ceiling of acomptes: worked examples, and what holds for any amounts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_commission.decomptes import Decompte, decompte, plafond, total

ZERO = Decimal("0.00")
MONTANT = st.decimals(ZERO, Decimal("99999.99"), places=2)
MONTANTS = st.lists(MONTANT, max_size=6)
DUS = st.lists(st.decimals(Decimal("0.01"), Decimal("99999.99"), places=2), max_size=6)


def amounts(*texts: str) -> tuple[Decimal, ...]:
    """*texts* as amounts."""
    return tuple(map(Decimal, texts))


@pytest.mark.parametrize(
    ("brut", "reprises", "reports", "acomptes", "expected"),
    [
        # Reprises beyond the brut: nothing is paid, and what lacks is carried over.
        ("300.00", "420.00", (), (), ((), (), "0.00", "120.00")),
        ("500.00", "0.00", ("120.00",), ("200.00",), (("120.00",), ("200.00",), "180.00", "0.00")),
        ("100.00", "0.00", ("300.00",), (), (("100.00",), (), "0.00", "0.00")),
        # Older carry-overs and acomptes stay whole where there is nothing to take them from.
        ("100.00", "150.00", ("10.00",), ("10.00",), (("0.00",), ("0.00",), "0.00", "50.00")),
        ("0.00", "4.16", (), (), ((), (), "0.00", "4.16")),
        ("4.16", "4.16", ("1.00",), (), (("0.00",), (), "0.00", "0.00")),
        # The oldest first, and acomptes only after all carry-overs.
        ("90.00", "0.00", ("50.00", "30.00"), ("20.00",), (("50.00", "30.00"), ("10.00",), "0.00", "0.00")),
        ("0.00", "0.00", (), (), ((), (), "0.00", "0.00")),
    ],
)
def test_R23_worked_examples(
    brut: str,
    reprises: str,
    reports: tuple[str, ...],
    acomptes: tuple[str, ...],
    expected: tuple[object, ...],
) -> None:
    """To the cent."""
    of_reports, of_acomptes, net, genere = expected
    assert decompte(Decimal(brut), Decimal(reprises), amounts(*reports), amounts(*acomptes)) == Decompte(
        Decimal(brut),
        Decimal(reprises),
        amounts(*of_reports),  # type: ignore[misc]  # texts
        amounts(*of_acomptes),  # type: ignore[misc]  # texts
        Decimal(str(net)),
        Decimal(str(genere)),
    )


@given(MONTANT, MONTANT, DUS, DUS)
def test_R22_no_cent_is_lost_or_made(
    brut: Decimal, reprises: Decimal, reports: list[Decimal], acomptes: list[Decimal]
) -> None:
    """What comes in goes to reprises, carry-overs, acomptes and the net, or is carried over."""
    done = decompte(brut, reprises, reports, acomptes)
    paid = done.net + done.total_reports + done.total_acomptes
    assert brut - reprises == paid - done.report_genere
    assert min(paid, done.report_genere) == ZERO


@given(MONTANT, MONTANT, DUS, DUS)
def test_R22_the_oldest_is_taken_first_and_none_beyond_what_is_left(
    brut: Decimal, reprises: Decimal, reports: list[Decimal], acomptes: list[Decimal]
) -> None:
    """Whoever is not taken whole leaves nothing to those after him, and nothing to pay."""
    done = decompte(brut, reprises, reports, acomptes)
    owed, taken = [*reports, *acomptes], [*done.reports, *done.acomptes]
    assert all(ZERO <= part <= restant for part, restant in zip(taken, owed, strict=True))
    for place, (part, restant) in enumerate(zip(taken, owed, strict=True)):
        if part < restant:
            assert (total(taken[place + 1 :]), done.net) == (ZERO, ZERO)


@given(MONTANTS, MONTANTS)
def test_R22_only_sums_count(bruts: list[Decimal], reprises: list[Decimal]) -> None:
    """Not the order of the lines."""
    done = decompte(total(bruts), total(reprises), [], [])
    assert done == decompte(total(reversed(bruts)), total(sorted(reprises)), [], [])


@pytest.mark.parametrize(
    ("brut", "reprises", "reports", "acomptes", "expected"),
    [
        ("1000.00", "200.00", "0.00", "0.00", "400.00"),
        ("1000.00", "200.00", "0.00", "300.00", "100.00"),
        ("1000.00", "200.00", "100.00", "0.00", "350.00"),
        ("1000.00", "200.00", "0.00", "500.00", "0.00"),
        ("200.00", "300.00", "0.00", "0.00", "0.00"),
        ("0.01", "0.00", "0.00", "0.00", "0.01"),  # half a cent is a cent: rounded half-up, once
        ("0.00", "0.00", "0.00", "0.00", "0.00"),
    ],
)
def test_R26_half_of_what_is_due_may_be_paid_in_advance(
    brut: str, reprises: str, reports: str, acomptes: str, expected: str
) -> None:
    """Less what was paid so before, and never less than nothing."""
    assert plafond(*amounts(brut, reprises, reports, acomptes)) == Decimal(expected)


@given(MONTANT, MONTANT, MONTANT, MONTANT, MONTANT)
def test_R26_an_acompte_lowers_the_ceiling_by_its_amount(
    brut: Decimal, reprises: Decimal, reports: Decimal, acomptes: Decimal, asked: Decimal
) -> None:
    """So acomptes together never go beyond half of what is due."""
    before = plafond(brut, reprises, reports, acomptes)
    granted = min(asked, before)
    assert plafond(brut, reprises, reports, acomptes + granted) == before - granted
