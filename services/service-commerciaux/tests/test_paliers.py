"""Tiers of a barème as pure rules (R14)."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from grpc_utils.errors import FormatInvalide, InvalidArgument, MontantInvalide
from service_commerciaux import paliers
from service_commerciaux.models import Bareme, Palier
from service_commerciaux.paliers import PalierEnDouble, PaliersChevauches, SeuilsInvalides

BAREME = Bareme(organisation_id="org-1", code="B", nom="B", date_effet=date(2026, 1, 1))


def new(*requested: dict[str, Any]) -> list[Palier]:
    """Tiers of a request."""
    return paliers.new_paliers(BAREME, [pb.Palier(**fields) for fields in requested])


def tier(seuil_min: float, seuil_max: float | None = None, **fields: Any) -> dict[str, Any]:
    """Fields of a tier; without *seuil_max* it has no upper bound."""
    return {"seuil_min": seuil_min, "seuil_max": seuil_max, **fields}


def test_R14_a_tier_has_defaults() -> None:
    """Code, name, kind and the two flags come by themselves."""
    first, second = new(tier(0, 100), tier(100, code="haut", cumulable=False, taux_bonus=12))
    assert (first.code, first.nom, first.type_palier, first.cumulable, first.par_periode) == (
        "P1",
        "P1",
        "volume",
        True,
        True,
    )
    assert (second.code, second.nom, second.cumulable, second.taux_bonus) == (
        "HAUT",
        "HAUT",
        False,
        Decimal("12.00"),
    )
    assert (first.bareme_id, first.montant_prime, first.taux_bonus) == (BAREME.id, Decimal("0.00"), None)


@pytest.mark.parametrize(
    "requested",
    [
        (tier(0, 100), tier(100, 500), tier(500)),
        (tier(500), tier(0, 100), tier(100, 500)),
        (tier(0, 100), tier(200, 300)),
        (tier(30, type_produit="SERVICE"), tier(30, type_produit="ASSURANCE")),
        (tier(30), tier(30, type_palier="ca")),
    ],
)
def test_R14_tiers_that_touch_do_not_overlap(requested: tuple[dict[str, Any], ...]) -> None:
    """Intervals are half-open, in any order; tiers of other kinds and products do not meet."""
    assert len(new(*requested)) == len(requested)


@pytest.mark.parametrize(
    "requested",
    [
        (tier(0, 100), tier(99, 200)),
        (tier(0, 100), tier(99.99, 200)),
        (tier(0), tier(100)),
        (tier(0, 10), tier(0, 10)),
        (tier(0, 1000), tier(10, 20)),
        (tier(30, type_produit="SERVICE"), tier(40, type_produit="SERVICE")),
    ],
)
def test_R14_tiers_do_not_overlap(requested: tuple[dict[str, Any], ...]) -> None:
    """A measure in two tiers of one kind is refused; so is a tier above one without a bound."""
    with pytest.raises(PaliersChevauches) as refused:
        new(*requested)
    assert refused.value.metadata == {"champ": "paliers", "palier": "P2"}


@pytest.mark.parametrize(
    ("requested", "kind", "champ"),
    [
        (tier(10, 10), SeuilsInvalides, "seuil_max"),
        (tier(10, 9), SeuilsInvalides, "seuil_max"),
        (tier(10, 10.001), SeuilsInvalides, "seuil_max"),
        (tier(-1), MontantInvalide, "seuil_min"),
        (tier(0, montant_prime=-0.01), MontantInvalide, "montant_prime"),
        (tier(0, montant_prime=float("nan")), MontantInvalide, "montant_prime"),
        (tier(0, code="é"), FormatInvalide, "code"),
    ],
)
def test_R14_figures_of_a_tier_are_checked(
    requested: dict[str, Any], kind: type[InvalidArgument], champ: str
) -> None:
    """The refusal names the field."""
    with pytest.raises(kind) as refused:
        new(requested)
    assert refused.value.metadata["champ"] == champ


def test_R14_a_code_occurs_once_in_a_bareme() -> None:
    """Codes are compared in capitals, those that come by themselves included."""
    for codes in (("A", "a"), ("p2", "")):
        with pytest.raises(PalierEnDouble):
            new(*(tier(n * 10, n * 10 + 10, code=code) for n, code in enumerate(codes)))


def test_R14_tiers_are_answered_by_place_and_threshold() -> None:
    """`ordre` comes first, then `seuil_min`."""
    made = new(tier(200, 300, ordre=1), tier(100, 200, ordre=1), tier(300, code="x"))
    assert [palier.code for palier in paliers.ordered(made)] == ["X", "P2", "P1"]
