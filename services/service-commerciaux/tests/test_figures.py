"""Figures of a barème as pure rules (R10 to R13)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from db_utils import clock
from grpc_utils.errors import DateInvalide, InvalidArgument, PourcentageInvalide
from service_commerciaux import figures, paliers
from service_commerciaux.figures import BaremeIncomplet, DureeInvalide, RepartitionInvalide
from service_commerciaux.models import Bareme

LATE_IN_PARIS = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)  # 00:30 on 2 July in Paris
RECURRENT: dict[str, Any] = {"recurrence_active": True, "taux_recurrence": 3, "duree_recurrence_mois": 12}


def new(**fields: Any) -> Bareme:
    """Barème of a request with *fields*, fixed at 50 unless they say otherwise."""
    told: dict[str, Any] = {
        "organisation_id": "org-1",
        "code": "b-1",
        "nom": "Barème",
        "montant_fixe": 50,
    } | fields
    request = pb.CreateBaremeRequest(**told)
    bareme = figures.new_bareme(request, "u-1")
    figures.check_complete(bareme, paliers.new_paliers(bareme, request.paliers))
    return bareme


def refused(kind: type[InvalidArgument], **fields: Any) -> dict[str, str]:
    """Metadata with which a barème of *fields* is refused."""
    with pytest.raises(kind) as refusal:
        new(**fields)
    return refusal.value.metadata


@pytest.mark.parametrize(
    ("fields", "champ"),
    [
        ({"montant_fixe": 0}, "montant_fixe"),
        ({"type_calcul": "pourcentage", "base_calcul": "ca_ht"}, "taux_pourcentage"),
        ({"type_calcul": "pourcentage", "base_calcul": "ca_ht", "taux_pourcentage": 0}, "taux_pourcentage"),
        ({"type_calcul": "pourcentage", "taux_pourcentage": 8}, "base_calcul"),
        ({"type_calcul": "palier"}, "paliers"),
        ({"type_calcul": "mixte"}, "taux_pourcentage"),
        ({"type_calcul": "mixte", "montant_fixe": 0, "taux_pourcentage": 5}, "montant_fixe"),
    ],
)
def test_R10_each_type_needs_its_figures(fields: dict[str, Any], champ: str) -> None:
    """What is missing, or is 0, is BAREME_INCOMPLET with the field."""
    assert refused(BaremeIncomplet, **fields) == {"champ": champ}


@pytest.mark.parametrize(
    "fields",
    [
        {"montant_fixe": 0.01},
        {"type_calcul": "pourcentage", "base_calcul": "cotisation_ht", "taux_pourcentage": 100},
        {"type_calcul": "pourcentage", "base_calcul": "ca_ht", "taux_pourcentage": 0.01},
        {"type_calcul": "palier", "montant_fixe": 0, "paliers": [pb.Palier(seuil_min=10)]},
        {"type_calcul": "mixte", "taux_pourcentage": 5},
    ],
)
def test_R10_a_complete_bareme_is_accepted(fields: dict[str, Any]) -> None:
    """Each type is accepted with the least that it needs."""
    assert new(**fields).type_calcul == fields.get("type_calcul", "fixe")


def test_R10_a_rate_is_100_at_most() -> None:
    """More than 100 % is refused as any rate is."""
    assert refused(PourcentageInvalide, taux_pourcentage=100.5) == {"champ": "taux_pourcentage"}


def shares(*values: float) -> dict[str, float]:
    """Fields of a repartition."""
    return dict(zip(figures.REPARTITION, values, strict=False))


@pytest.mark.parametrize(
    ("fields", "total"),
    [
        (shares(33.33, 33.33, 33.33, 0), "99.99"),
        (shares(100, 0.01), "100.01"),
        (shares(0, 0, 0, 0), "0.00"),
        ({"repartition_manager": 20}, "120.00"),
    ],
)
def test_R11_the_parts_make_exactly_100(fields: dict[str, float], total: str) -> None:
    """Any other sum is refused and told; parts that are absent have their defaults."""
    assert refused(RepartitionInvalide, **fields)["total"] == total


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({}, ["100.00", "0.00", "0.00", "0.00"]),
        (shares(70, 20, 10), ["70.00", "20.00", "10.00", "0.00"]),
        (shares(33.33, 33.33, 33.33, 0.01), ["33.33", "33.33", "33.33", "0.01"]),
    ],
)
def test_R11_parts_that_make_100_are_stored(fields: dict[str, float], stored: list[str]) -> None:
    """Parts are decimals of two places."""
    bareme = new(**fields)
    assert [str(getattr(bareme, part)) for part in figures.REPARTITION] == stored


def test_R12_a_recurrence_has_rate_and_months() -> None:
    """Both are stored with a recurrence, and dropped without one."""
    with_it, without = new(**RECURRENT), new(**RECURRENT | {"recurrence_active": False})
    assert (with_it.taux_recurrence, with_it.duree_recurrence_mois) == (Decimal("3.00"), 12)
    assert (without.taux_recurrence, without.duree_recurrence_mois) == (None, None)


@pytest.mark.parametrize(
    ("fields", "champ"),
    [
        ({"taux_recurrence": 3}, "duree_recurrence_mois"),
        ({"duree_recurrence_mois": 12}, "taux_recurrence"),
        ({"duree_recurrence_mois": 12, "taux_recurrence": 0}, "taux_recurrence"),
    ],
)
def test_R12_a_recurrence_needs_both(fields: dict[str, Any], champ: str) -> None:
    """What is missing is BAREME_INCOMPLET with the field."""
    assert refused(BaremeIncomplet, recurrence_active=True, **fields) == {"champ": champ}


@pytest.mark.parametrize(
    ("fields", "bounds"),
    [
        ({**RECURRENT, "duree_recurrence_mois": 0}, ("duree_recurrence_mois", "1", "120")),
        ({**RECURRENT, "duree_recurrence_mois": 121}, ("duree_recurrence_mois", "1", "120")),
        ({"duree_reprises_mois": -1}, ("duree_reprises_mois", "0", "60")),
        ({"duree_reprises_mois": 61}, ("duree_reprises_mois", "0", "60")),
    ],
)
def test_R12_months_have_bounds(fields: dict[str, Any], bounds: tuple[str, str, str]) -> None:
    """The refusal names the field and its bounds."""
    told = dict(zip(("champ", "minimum", "maximum"), bounds, strict=True))
    assert refused(DureeInvalide, **fields) == told


def test_R12_a_clawback_has_defaults() -> None:
    """Three months and 100 % unless told otherwise, 0 included."""
    usual, own = new(), new(duree_reprises_mois=0, taux_reprise=0)
    assert (usual.duree_reprises_mois, usual.taux_reprise) == (3, Decimal("100.00"))
    assert (own.duree_reprises_mois, own.taux_reprise) == (0, Decimal("0.00"))


def test_R13_a_bareme_begins_today_in_paris() -> None:
    """Late on 1 July in UTC it is 2 July in Paris."""
    with clock.frozen_at(LATE_IN_PARIS):
        assert new().date_effet == date(2026, 7, 2)


@pytest.mark.parametrize("end", ["2026-02-28", "2026-02-30", "31/12/2026"])
def test_R13_an_end_is_a_day_that_does_not_precede_the_beginning(end: str) -> None:
    """Anything else is DATE_INVALIDE; one day is a period."""
    assert refused(DateInvalide, date_effet="2026-03-01", date_fin=end) == {"champ": "date_fin"}
    assert new(date_effet="2026-03-01", date_fin="2026-03-01").date_fin == date(2026, 3, 1)


def test_R08_codes_of_baremes_are_stored_in_capitals() -> None:
    """The code of a barème has the form of all codes."""
    assert new(code="vrp_2026-a").code == "VRP_2026-A"
    for code in ("", "réseau", "a b", "x" * 51):
        assert refused(InvalidArgument, code=code) == {"champ": "code"}
