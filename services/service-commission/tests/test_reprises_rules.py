"""Window, share and amount of what is taken back, as pure functions (R16–R19)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_commission import reprises_rules as rules
from service_commission.baremes import Bareme
from service_commission.models import ZERO

D = Decimal

SERVICES = Bareme(code="S", version=1, type_calcul="pourcentage", taux=D(10), duree_reprises_mois=3)
ADVANCE = replace(SERVICES, duree_reprises_mois=12, precomptee=True)


def test_R16_an_unpaid_receipt_takes_the_whole() -> None:
    """The money never stayed."""
    assert rules.impaye(D("4.16")) == rules.Part(D("4.16"), D(100))


@pytest.mark.parametrize(
    ("refunded", "expected"), [("20.00", "1.67"), ("49.90", "4.16"), ("60.00", "4.16"), ("0.01", "0.00")]
)
def test_R16_a_refund_takes_its_share(refunded: str, expected: str) -> None:
    """20.00 of 49.90 on 4.16; never more than the commission."""
    assert rules.annulation(D("4.16"), D(refunded), D("49.90")).montant == D(expected)


def test_R16_without_a_receipt_the_amount_itself_is_taken() -> None:
    """A commission computed on demand is about no receipt."""
    assert rules.annulation(D("4.16"), D("1.00"), None).montant == D("1.00")


@pytest.mark.parametrize(
    ("received", "months", "ended", "is_open"),
    [
        (date(2026, 2, 5), 3, date(2026, 5, 4), True),
        (date(2026, 2, 5), 3, date(2026, 5, 5), False),
        (date(2026, 2, 5), 6, date(2026, 8, 4), True),
        (date(2026, 2, 5), 12, date(2027, 2, 5), False),
        (date(2025, 11, 30), 3, date(2026, 2, 27), True),
        (date(2025, 11, 30), 3, date(2026, 2, 28), False),
        (date(2026, 2, 5), 0, date(2026, 2, 5), False),
    ],
)
def test_R17_the_window_ends_on_the_day_of_the_receipt(
    received: date, months: int, ended: date, is_open: bool
) -> None:
    """So many months later, on the last of the month where there is no such day."""
    bareme = replace(SERVICES, duree_reprises_mois=months)
    assert is_open == rules.window_open(bareme, received, ended)


@pytest.mark.parametrize(
    ("bareme", "montant", "expected"),
    [
        (ADVANCE, "120.00", rules.Part(D("80.00"), D(100), 4)),
        (replace(ADVANCE, taux_reprise=D(80)), "120.00", rules.Part(D("64.00"), D(80), 4)),
        (replace(ADVANCE, precomptee=False), "120.00", rules.Part(D("120.00"), D(100))),
        (ADVANCE, "49.90", rules.Part(D("33.27"), D(100), 4)),
    ],
)
def test_R18_an_advance_is_taken_back_for_the_time_to_come(
    bareme: Bareme, montant: str, expected: rules.Part
) -> None:
    """Received on 15 January, terminated on 20 May: four of twelve months were earned."""
    assert expected == rules.resiliation(bareme, D(montant), date(2026, 1, 15), date(2026, 5, 20))


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        (date(2026, 1, 15), date(2026, 5, 14), 3),
        (date(2026, 1, 15), date(2026, 5, 15), 4),
        (date(2026, 1, 31), date(2026, 2, 28), 1),
        (date(2026, 1, 31), date(2026, 2, 27), 0),
        (date(2026, 1, 15), date(2025, 12, 1), 0),
    ],
)
def test_R18_only_whole_months_are_earned(start: date, end: date, months: int) -> None:
    """The last of a shorter month completes it."""
    assert months == rules.full_months(start, end)


@given(cents=st.integers(1, 10**8), refunds=st.lists(st.integers(1, 10**8), max_size=12))
def test_R19_reprises_never_exceed_the_commission(cents: int, refunds: list[int]) -> None:
    """However many there are, of whatever kind."""
    montant, repris = D(cents) / 100, ZERO
    for number, refund in enumerate(refunds):
        day = date(2026, 1 + number % 12, 20)
        part = (
            rules.annulation(montant, D(refund) / 100, D("49.90"))
            if number % 2
            else rules.resiliation(ADVANCE, montant, date(2026, 1, 15), day)
        )
        repris += rules.still_due(part, montant, repris)
        assert 0 <= repris <= montant
    assert montant == repris + rules.still_due(rules.impaye(montant), montant, repris)
