"""Amounts that a reminder asks for (R16)."""

from decimal import Decimal

import pytest
from service_relance.penalites import Montants, is_professionnel, montants

DUE = Decimal("1200.00")
RATE = Decimal("12.15")


@pytest.mark.parametrize(
    ("solde", "professionnel", "niveau", "taux", "days", "penalites", "indemnite", "total"),
    [
        ("1200.00", True, 3, RATE, 45, "17.98", "40.00", "1257.98"),
        ("1200.00", True, 2, RATE, 30, "11.98", "40.00", "1251.98"),
        ("1200.00", True, 1, RATE, 15, "0.00", "0.00", "1200.00"),
        ("1200.00", False, 3, RATE, 45, "0.00", "0.00", "1200.00"),
        ("49.90", False, 1, None, 20, "0.00", "0.00", "49.90"),
        ("600.00", True, 3, RATE, 45, "8.99", "40.00", "648.99"),
        ("1200.00", True, 3, None, 45, "0.00", "40.00", "1240.00"),
        ("1200.00", True, 2, RATE, 0, "0.00", "0.00", "1200.00"),
        ("1200.00", True, 2, RATE, -3, "0.00", "0.00", "1200.00"),
    ],
)
def test_R16_what_being_late_costs(
    solde: str,
    professionnel: bool,
    niveau: int,
    taux: Decimal | None,
    days: int,
    penalites: str,
    indemnite: str,
    total: str,
) -> None:
    """A business pays penalties and 40 euros from level 2 on, a private person neither."""
    asked = montants(Decimal(solde), professionnel=professionnel, niveau=niveau, taux=taux, jours_retard=days)
    assert asked == Montants(Decimal(solde), Decimal(penalites), Decimal(indemnite))
    assert asked.total_du == Decimal(total)


def test_R16_several_invoices_are_added() -> None:
    """The indemnity is owed for each late invoice."""
    one = montants(DUE, professionnel=True, niveau=2, taux=RATE, jours_retard=45)
    assert one + one == Montants(Decimal("2400.00"), Decimal("35.96"), Decimal("80.00"))


@pytest.mark.parametrize(
    ("type_client", "expected"),
    [("ENTREPRISE", True), ("PARTENAIRE", True), ("PARTICULIER", False), ("", False)],
)
def test_R16_companies_and_partners_are_businesses(type_client: str, expected: bool) -> None:
    """Everybody else is a private person."""
    assert is_professionnel(type_client) == expected
