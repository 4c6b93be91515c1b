"""Primes that an INITIALE makes due, as pure functions (R12–R15)."""

from decimal import Decimal
from typing import Any

from service_commission.baremes import Bareme, Palier
from service_commission.montants import Mesures
from service_commission.primes import Versee, dues, of_team

D = Decimal

FEVRIER, MARS = "2026-02", "2026-03"


def bareme(*paliers: Palier) -> Bareme:
    """A scale with these tiers."""
    return Bareme(code="VRP", version=1, type_calcul="pourcentage", taux=D(10), paliers=paliers)


def palier(seuil: int, prime: int, kind: str = "volume", produit: str = "", **fields: Any) -> Palier:
    """A tier without upper bound."""
    return Palier(
        code=f"{produit}{seuil}",
        type_palier=kind,
        seuil_min=D(seuil),
        montant_prime=D(prime),
        type_produit=produit,
        **fields,
    )


def months(scale: Bareme, *products: str, periode: str = FEVRIER) -> list[Versee]:
    """The primes of a month in which contracts about *products* are sold one after the other."""
    mesures, versees = Mesures(), list[Versee]()
    for product in products:
        mesures = mesures.plus(product, D("41.58"))
        due = dues(scale, mesures, mesures, versees, periode)
        versees += [Versee(one.palier.code, periode, one.montant) for one in due]
    return versees


TEAM = bareme(*(palier(low, prime, cumulable=False) for low, prime in ((100, 200), (200, 500), (400, 1000))))


def test_R13_thirty_of_each_product_bring_both_primes() -> None:
    """And the thirty-first brings nothing more."""
    vrp = bareme(palier(30, 200, "prime_produit", "SERVICE"), palier(30, 300, "prime_produit", "ASSURANCE"))
    sold = ["SERVICE"] * 30 + ["ASSURANCE"] * 30
    expected = [Versee("SERVICE30", FEVRIER, D(200)), Versee("ASSURANCE30", FEVRIER, D(300))]
    assert expected == months(vrp, *sold)
    assert expected == months(vrp, *sold, "SERVICE", "ASSURANCE")


def test_R12_the_highest_tier_pays_what_the_lower_ones_have_not() -> None:
    """Not cumulative: 200 at 100, 300 more at 200."""
    assert [D(200), D(300)] == [one.montant for one in months(TEAM, *["SERVICE"] * 250)]


def test_R12_tiers_of_different_kinds_do_not_share() -> None:
    """The highest one is that of its kind of measure and product."""
    scale = bareme(
        palier(1, 50, "prime_produit", "SERVICE", cumulable=False),
        palier(2, 80, "prime_produit", "ASSURANCE", cumulable=False),
    )
    assert [D(50), D(80)] == [
        one.montant for one in months(scale, "SERVICE", "ASSURANCE", "ASSURANCE", "SERVICE")
    ]


def test_R12_the_next_period_pays_again() -> None:
    """A tier counts by periods unless it says otherwise."""
    scale = bareme(palier(1, 50), Palier(**_once()))
    february = months(scale, "SERVICE")
    again = dues(scale, Mesures().plus("", D(1)), Mesures().plus("", D(1)), february, MARS)
    assert [one.montant for one in february] == [D(50), D(70)]
    assert [one.montant for one in again] == [D(50)]


def _once() -> dict[str, Any]:
    return {
        "code": "ONCE",
        "type_palier": "volume",
        "seuil_min": D(1),
        "montant_prime": D(70),
        "par_periode": False,
    }


def test_R14_a_team_of_400_brings_1000() -> None:
    """200 for the 100th contract, 300 for the 200th, 500 for the 400th."""
    paid = months(of_team(TEAM), *["SERVICE"] * 400)
    assert [D(200), D(300), D(500)] == [one.montant for one in paid]
    assert sum(one.montant for one in paid) == 1000


def test_R14_only_tiers_of_volume_are_about_a_team() -> None:
    """Those of turnover or of a product are about what a manager sells himself."""
    scale = bareme(palier(1, 50), palier(1, 60, "ca"), palier(1, 70, "prime_produit", "SERVICE"))
    assert [one.montant_prime for one in of_team(scale).paliers] == [D(50)]


def test_R15_a_tier_that_was_reached_stays_paid() -> None:
    """A measure that fell after a reprise and rises again pays nothing twice."""
    versees = [Versee("2", FEVRIER, D(80))]
    scale = bareme(palier(2, 80))
    one = Mesures().plus("", D(1))
    assert dues(scale, one, one, versees, FEVRIER) == []
    assert dues(scale, one.plus("", D(1)), one.plus("", D(1)), versees, FEVRIER) == []
