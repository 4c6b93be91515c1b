"""Periods of e-reporting: of days, of names, and until when they are declared (R43)."""

from datetime import date

import pytest
from service_factures.ereporting import periodes
from service_factures.ereporting.periodes import ENCAISSEMENT, NATURES, TRANSACTION, PeriodeInconnue
from service_factures.societes import REGIMES

_BOTH = ("REEL_TRIMESTRIEL", "SIMPLIFIE")


@pytest.mark.parametrize(
    ("regime", "nature", "day", "nom", "due"),
    [
        ("REEL_MENSUEL", TRANSACTION, "2027-09-01", "2027-09-D1", "2027-09-20"),
        ("REEL_MENSUEL", TRANSACTION, "2027-09-10", "2027-09-D1", "2027-09-20"),
        ("REEL_MENSUEL", TRANSACTION, "2027-09-11", "2027-09-D2", "2027-09-30"),
        ("REEL_MENSUEL", TRANSACTION, "2027-09-20", "2027-09-D2", "2027-09-30"),
        ("REEL_MENSUEL", TRANSACTION, "2027-09-21", "2027-09-D3", "2027-10-10"),
        ("REEL_MENSUEL", TRANSACTION, "2027-12-31", "2027-12-D3", "2028-01-10"),
        ("REEL_MENSUEL", TRANSACTION, "2028-02-29", "2028-02-D3", "2028-03-10"),
        ("REEL_MENSUEL", TRANSACTION, "2026-01-22", "2026-01-D3", "2026-02-10"),
        ("REEL_MENSUEL", ENCAISSEMENT, "2026-02-05", "2026-02", "2026-03-10"),
        ("REEL_MENSUEL", ENCAISSEMENT, "2027-12-31", "2027-12", "2028-01-10"),
        *((regime, TRANSACTION, "2027-09-30", "2027-09", None) for regime in _BOTH),
        ("REEL_TRIMESTRIEL", TRANSACTION, "2027-09-01", "2027-09", "2027-10-10"),
        ("REEL_TRIMESTRIEL", ENCAISSEMENT, "2027-09-30", "2027-09", "2027-10-10"),
        ("SIMPLIFIE", TRANSACTION, "2027-09-30", "2027-09", "2027-10-25"),
        ("SIMPLIFIE", ENCAISSEMENT, "2027-12-01", "2027-12", "2028-01-25"),
        ("FRANCHISE", TRANSACTION, "2027-09-01", "2027-B5", "2027-11-25"),
        ("FRANCHISE", TRANSACTION, "2027-10-31", "2027-B5", "2027-11-25"),
        ("FRANCHISE", ENCAISSEMENT, "2027-12-31", "2027-B6", "2028-01-25"),
        ("FRANCHISE", ENCAISSEMENT, "2028-02-29", "2028-B1", "2028-03-25"),
    ],
)
def test_R43_the_period_of_a_day(regime: str, nature: str, day: str, nom: str, due: str | None) -> None:
    """By the régime and by what is declared; a period holds its days."""
    found = periodes.of_day(regime, nature, date.fromisoformat(day))
    assert found.nom == nom
    assert found.debut <= date.fromisoformat(day) <= found.fin
    assert nature in periodes.natures(regime, found)
    if due is not None:
        assert periodes.due(regime, found) == date.fromisoformat(due)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("nature", NATURES)
def test_R43_periods_follow_each_other_without_a_gap(regime: str, nature: str) -> None:
    """Each day of four years is in one period, which its name gives back."""
    day, last = date(2027, 1, 1), date(2030, 12, 31)
    while day < last:
        found = periodes.of_day(regime, nature, day)
        assert found.debut == day
        assert periodes.named(found.nom) == found
        assert periodes.of_day(regime, nature, found.fin) == found
        assert periodes.due(regime, found) > found.fin
        day = date.fromordinal(found.fin.toordinal() + 1)


@pytest.mark.parametrize(
    ("regime", "nom", "natures"),
    [
        ("REEL_MENSUEL", "2027-09-D1", (TRANSACTION,)),
        ("REEL_MENSUEL", "2027-09", (ENCAISSEMENT,)),
        ("REEL_MENSUEL", "2027-B5", ()),
        ("REEL_TRIMESTRIEL", "2027-09", NATURES),
        ("SIMPLIFIE", "2027-09", NATURES),
        ("SIMPLIFIE", "2027-09-D1", ()),
        ("FRANCHISE", "2027-B5", NATURES),
    ],
)
def test_R43_a_period_is_of_the_natures_that_have_it(regime: str, nom: str, natures: tuple[str, ...]) -> None:
    """A month of REEL_MENSUEL is of receipts alone, since its transactions are told by décades."""
    assert periodes.natures(regime, periodes.named(nom)) == natures


@pytest.mark.parametrize(
    "nom",
    [
        *("", "2027", "2027-13", "2027-00", "2027-9", "2027-09-D4", "2027-09-D0", "2027-B7", "2027-B0"),
        *("0000-01", "27-09", "2027-09-d1", "2027-B5-D1", "2027-09 ", "2027-09-D1\n", "２０２７-09"),
        *("2027-09-01", "1999-12", "9999-12"),
    ],
)
def test_R43_what_is_no_period_is_refused(nom: str) -> None:
    """Also figures that are none in ASCII."""
    with pytest.raises(PeriodeInconnue):
        periodes.named(nom)
