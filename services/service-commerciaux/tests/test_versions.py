"""What an Update does to a barème, as pure rules: a change in place or a new version (R15, R16)."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from db_utils import clock
from grpc_utils.errors import DateInvalide, FormatInvalide, InvalidArgument, Refusal
from service_commerciaux import figures, paliers, versions
from service_commerciaux.figures import BaremeIncomplet, RepartitionInvalide
from service_commerciaux.models import Bareme, Palier
from service_commerciaux.versions import Change, DateEffetAnterieure, MotifRequis, VersionRemplacee

WHY = {"date_effet": "2026-03-01", "motif_modification": "Hausse"}
MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
TIER = pb.Palier(code="A", seuil_min=10, montant_prime=200)


def bareme(*tiers: pb.Palier, **fields: Any) -> tuple[Bareme, list[Palier]]:
    """Version 1 at 10 % from 2026-01-01, and its tiers."""
    told: dict[str, Any] = {
        "organisation_id": "org-1",
        "code": "B2",
        "nom": "Assurance",
        "date_effet": "2026-01-01",
    }
    told |= {"type_calcul": "pourcentage", "base_calcul": "ca_ht", "taux_pourcentage": 10} | fields
    made = figures.new_bareme(pb.CreateBaremeRequest(**told), "u-1")
    return made, paliers.new_paliers(made, tiers)


def update(former: tuple[Bareme, Sequence[Palier]], **fields: Any) -> Change:
    """What an Update of *fields* by u-2 does to a barème."""
    return versions.change_of(*former, pb.UpdateBaremeRequest(**fields), "u-2")


def next_of(change: Change) -> Bareme:
    """The version that *change* makes."""
    assert change.next is not None
    return change.next


MAJOR: list[dict[str, Any]] = [
    {"taux_pourcentage": 12},
    {"type_calcul": "mixte", "montant_fixe": 30},
    {"base_calcul": "cotisation_ht"},
    {"montant_fixe": 1},
    {"recurrence_active": True, "taux_recurrence": 3, "duree_recurrence_mois": 12},
    {"duree_reprises_mois": 6},
    {"taux_reprise": 80},
    {"repartition_commercial": 80, "repartition_manager": 20},
    {"paliers": [TIER]},
    {"precomptee": True},
    {"type_produit": "SERVICE"},
    {"profil_remuneration": "VRP"},
    {"societe_id": "s-1"},
    {"canal_vente": "web"},
    {"date_fin": "2026-12-31"},
    {"date_effet": "2026-03-01"},
]


@pytest.mark.parametrize("fields", MAJOR, ids=lambda fields: next(iter(fields)))
def test_R15_anything_but_names_makes_a_version(fields: dict[str, Any]) -> None:
    """The new version begins today, the former one ends on the day before."""
    with clock.frozen_at(MARCH):
        change = update(bareme(), **fields, motif_modification="Hausse")
    following = next_of(change)
    assert change.columns == {"derniere": False, "date_fin": date(2026, 2, 28)}
    assert (following.version_bareme, following.date_effet, following.derniere) == (
        2,
        date(2026, 3, 1),
        True,
    )
    assert (following.cree_par, following.modifie_par, following.motif_modification) == (
        "u-2",
        "u-2",
        "Hausse",
    )


def test_R15_what_is_left_out_is_taken_over() -> None:
    """Figures, criteria, state and tiers stay; tiers are rows of the new version."""
    former, tiers = bareme(TIER, nom="Été", societe_id="s-1", actif=False, repartition_commercial=100)
    change = update((former, tiers), taux_pourcentage=12, **WHY)
    following = next_of(change)
    assert (following.code, following.nom, following.societe_id, following.actif) == (
        "B2",
        "Été",
        "s-1",
        False,
    )
    assert (following.taux_pourcentage, former.taux_pourcentage) == (Decimal("12.00"), Decimal("10.00"))
    assert paliers.same(change.paliers, tiers)
    assert [palier.bareme_id for palier in change.paliers] == [following.id]


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"paliers": [pb.Palier(code="B", seuil_min=5)]}, ["B"]),
        ({"sans_paliers": True}, []),
        ({"paliers": [pb.Palier(code="A", seuil_min=10, montant_prime=250)]}, ["A"]),
    ],
)
def test_R15_other_tiers_make_a_version(fields: dict[str, Any], codes: list[str]) -> None:
    """A list of tiers replaces the former one as a whole."""
    change = update(bareme(TIER), **fields, **WHY)
    assert next_of(change).version_bareme == 2
    assert [palier.code for palier in change.paliers] == codes


def test_R15_tiers_and_none_are_a_contradiction() -> None:
    """A request with tiers that wants none is refused."""
    with pytest.raises(FormatInvalide) as refused:
        update(bareme(), paliers=[TIER], sans_paliers=True, **WHY)
    assert refused.value.metadata == {"champ": "sans_paliers"}


def test_R15_the_same_tiers_are_no_change() -> None:
    """Tiers that a caller sends back as he has read them change nothing."""
    sent = pb.Palier(id="x", code="a", nom="A", seuil_min=10, montant_prime=200, cumulable=True)
    assert update(bareme(TIER), paliers=[sent]) == Change({})
    assert update(bareme(), sans_paliers=True) == Change({})


@pytest.mark.parametrize("motif", ["", "ab", "  a  "])
def test_R15_a_version_has_a_motif(motif: str) -> None:
    """Fewer than three characters are refused."""
    with pytest.raises(MotifRequis) as refused:
        update(bareme(), taux_pourcentage=12, motif_modification=motif.strip())
    assert refused.value.metadata == {"champ": "motif_modification"}


@pytest.mark.parametrize("day", ["2025-12-31", "2026-01-01"])
def test_R15_a_version_begins_after_the_former_one(day: str) -> None:
    """A beginning on the same day, or before, is refused."""
    with pytest.raises(DateEffetAnterieure):
        update(bareme(), taux_pourcentage=12, **WHY | {"date_effet": day})


def test_R15_a_version_begins_today_unless_told() -> None:
    """Today is the day in Paris."""
    with clock.frozen_at(datetime(2026, 4, 30, 22, 30, tzinfo=UTC)):
        change = update(bareme(), taux_pourcentage=12, motif_modification="Hausse")
    assert next_of(change).date_effet == date(2026, 5, 1)


def test_R15_only_the_latest_version_is_changed() -> None:
    """A version that has a successor is refused, names included."""
    former = Bareme(
        organisation_id="org-1", code="B2", nom="Assurance", date_effet=date(2026, 1, 1), derniere=False
    )
    with pytest.raises(VersionRemplacee):
        update((former, []), nom="Autre")


def test_R15_an_end_that_has_come_is_kept() -> None:
    """A version after a pause does not bring the former one back; it must say its own end."""
    ended = bareme(date_fin="2026-01-31")
    with pytest.raises(DateInvalide):
        update(ended, taux_pourcentage=12, **WHY)
    change = update(ended, taux_pourcentage=12, date_fin="", **WHY)
    assert change.columns["date_fin"] == date(2026, 1, 31)
    assert next_of(change).date_fin is None


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type_calcul": "fixe"}, BaremeIncomplet),
        ({"taux_pourcentage": 0}, BaremeIncomplet),
        ({"repartition_commercial": 99.99}, RepartitionInvalide),
        ({"date_fin": "2026-02-28"}, DateInvalide),
        ({"type_calcul": ""}, InvalidArgument),
    ],
)
def test_R10_a_version_is_checked_as_a_new_bareme(fields: dict[str, Any], kind: type[Refusal]) -> None:
    """Figures that do not suit each other are refused in an Update too."""
    with pytest.raises(kind):
        update(bareme(), **fields, **WHY)


IN_PLACE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"nom": "Autre"}, {"nom": "Autre"}),
    ({"description": "Pour tous"}, {"description": "Pour tous"}),
    ({"motif_modification": "x"}, {"motif_modification": "x"}),
    ({"date_fin": "2026-12-31"}, {"date_fin": date(2026, 12, 31)}),
    ({"date_fin": ""}, {"date_fin": None}),
    ({"nom": "Autre", "date_effet": "2026-01-01", "taux_pourcentage": 10}, {"nom": "Autre"}),
]


@pytest.mark.parametrize(("fields", "columns"), IN_PLACE)
def test_R16_names_and_a_later_end_change_in_place(fields: dict[str, Any], columns: dict[str, Any]) -> None:
    """No version is made, and modifie_par is the caller."""
    change = update(bareme(date_fin="2026-06-30"), **fields)
    assert change == Change({**columns, "modifie_par": "u-2"})


def test_R16_an_update_of_nothing_changes_nothing() -> None:
    """The stored values, in other spellings, are no change."""
    former = bareme(date_fin="2026-06-30")
    for fields in (
        {},
        {"taux_pourcentage": 10.001, "nom": "Assurance", "date_fin": "2026-06-30"},
        {"taux_recurrence": 5, "duree_recurrence_mois": 7},  # dropped without a recurrence (R12)
    ):
        assert update(former, **fields) == Change({})
