"""BaremeCommissionService/GetApplicable: the one version that applies to a sale (R17 to R19)."""

from collections.abc import Mapping
from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import BaremeCommissionServiceStub
from db_utils import clock
from grpc import StatusCode
from service_testing import Mesh, refusal

Baremes = Mapping[str, pb.Bareme]
ASSURANCE, SERVICE, S1 = {"type_produit": "ASSURANCE"}, {"type_produit": "SERVICE"}, {"societe_id": "s-1"}
NONE = (StatusCode.NOT_FOUND, "AUCUN_BAREME")


def percent(code: str, rate: float, day: str, **criteria: Any) -> pb.CreateBaremeRequest:
    """Request for a barème of *rate* % from *day* on."""
    told: dict[str, Any] = {"type_calcul": "pourcentage", "base_calcul": "ca_ht", "taux_pourcentage": rate}
    return pb.CreateBaremeRequest(code=code, nom=code, date_effet=day, **told, **criteria)


async def applicable(baremes: BaremeCommissionServiceStub, date: str, **criteria: Any) -> tuple[str, float]:
    """Code and rate of the version that applies."""
    bareme = await baremes.GetApplicable(pb.GetBaremeApplicableRequest(date=date, **criteria))
    return bareme.code, bareme.taux_pourcentage


@pytest.fixture
async def three(baremes: BaremeCommissionServiceStub) -> Baremes:
    """The barèmes of the worked example of R17."""
    requests = (
        percent("B1", 8, "2026-01-01"),
        percent("B2", 10, "2026-01-01", **ASSURANCE),
        percent("B3", 9, "2026-02-01", **S1),
    )
    return {request.code: await baremes.Create(request) for request in requests}


@pytest.mark.parametrize(
    ("day", "criteria", "expected"),
    [
        ("2026-01-15", ASSURANCE | S1, ("B2", 10)),
        ("2026-02-15", ASSURANCE | S1, ("B3", 9)),
        ("2026-02-15", ASSURANCE, ("B2", 10)),
        ("2026-02-15", SERVICE, ("B1", 8)),
        ("2026-01-01", {}, ("B1", 8)),
        ("9999-12-31", {"societe_id": "s-2"}, ("B1", 8)),
    ],
)
async def test_R17_the_worked_example(
    baremes: BaremeCommissionServiceStub,
    three: Baremes,
    day: str,
    criteria: dict[str, str],
    expected: tuple[str, float],
) -> None:
    """A société weighs more than a product; an empty criterion fits barèmes without it only."""
    assert await applicable(baremes, day, **criteria) == expected


async def test_R18_a_version_applies_from_its_day_on(
    baremes: BaremeCommissionServiceStub, three: Baremes
) -> None:
    """The day before, the former version applies with its former rate."""
    await baremes.Update(
        pb.UpdateBaremeRequest(
            id=three["B2"].id, taux_pourcentage=12, date_effet="2026-03-01", motif_modification="Hausse"
        )
    )
    days = {"2026-02-20": 10, "2026-02-28": 10, "2026-03-01": 12, "2027-01-01": 12}
    for day, rate in days.items():
        assert await applicable(baremes, day, **ASSURANCE) == ("B2", rate)


async def test_R19_the_former_version_does_not_come_back(
    baremes: BaremeCommissionServiceStub, three: Baremes
) -> None:
    """Without version 2 the next barème applies, for the days of version 1 still version 1."""
    request = pb.UpdateBaremeRequest(
        id=three["B2"].id, taux_pourcentage=12, date_effet="2026-03-01", motif_modification="Hausse"
    )
    second = await baremes.Update(request)
    await baremes.Desactiver(pb.DesactiverBaremeRequest(id=second.id))
    assert await applicable(baremes, "2026-03-01", **ASSURANCE) == ("B1", 8)
    assert await applicable(baremes, "2026-02-20", **ASSURANCE) == ("B2", 10)
    await baremes.Activer(pb.ActiverBaremeRequest(id=second.id))
    assert await applicable(baremes, "2026-03-01", **ASSURANCE) == ("B2", 12)


ALL = {
    "societe_id": "s-1",
    "type_produit": "ASSURANCE",
    "profil_remuneration": "VRP",
    "canal_vente": "web",
}


@pytest.mark.parametrize(
    ("heavier", "lighter"),
    [
        (["societe_id"], ["type_produit", "profil_remuneration", "canal_vente"]),
        (["type_produit"], ["profil_remuneration", "canal_vente"]),
        (["profil_remuneration"], ["canal_vente"]),
        (["canal_vente"], []),
    ],
)
async def test_R17_a_criterion_outweighs_all_that_follow(
    baremes: BaremeCommissionServiceStub, heavier: list[str], lighter: list[str]
) -> None:
    """The weights are 8, 4, 2 and 1, whatever is later or first by its code."""
    await baremes.Create(percent("Z", 1, "2026-01-01", **{name: ALL[name] for name in heavier}))
    await baremes.Create(percent("A", 2, "2026-06-01", **{name: ALL[name] for name in lighter}))
    assert await applicable(baremes, "2026-06-01", **ALL) == ("Z", 1)


async def test_R17_of_equal_weights_the_latest_applies(baremes: BaremeCommissionServiceStub) -> None:
    """The latest day of effect comes first, then the code; an end is included in its period."""
    await baremes.Create(percent("C", 3, "2026-02-01", date_fin="2026-03-31"))
    await baremes.Create(percent("B", 2, "2026-01-01"))
    await baremes.Create(percent("A", 1, "2026-01-01"))
    days = ("2026-01-31", "2026-02-01", "2026-03-31", "2026-04-01")
    assert [(await applicable(baremes, day))[0] for day in days] == ["A", "C", "C", "A"]


async def test_R17_today_is_the_day_unless_told(baremes: BaremeCommissionServiceStub) -> None:
    """Today's version is found without a date, with its tiers."""
    request = percent("B", 2, clock.today().isoformat(), paliers=[pb.Palier(seuil_min=1)])
    made = await baremes.Create(request)
    assert await baremes.GetApplicable(pb.GetBaremeApplicableRequest()) == made


@pytest.mark.parametrize("day", ["1826-01-01", "0001-01-01", "2025-12-31"])
async def test_R17_before_the_first_version_there_is_none(
    baremes: BaremeCommissionServiceStub, three: Baremes, day: str
) -> None:
    """A day of another century is answered like any day without a barème."""
    answer = await refusal(baremes.GetApplicable(pb.GetBaremeApplicableRequest(date=day)))
    assert (answer.code, answer.reason) == NONE


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"date": "2026-02-30"}, "DATE_INVALIDE", "date"),
        ({"date": "10000-01-01"}, "DATE_INVALIDE", "date"),
        ({"canal_vente": "Web"}, "VALEUR_INCONNUE", "canal_vente"),
    ],
)
async def test_R17_bad_questions_are_refused(
    baremes: BaremeCommissionServiceStub, fields: dict[str, str], reason: str, champ: str
) -> None:
    """The refusal names the field."""
    answer = await refusal(baremes.GetApplicable(pb.GetBaremeApplicableRequest(**fields)))
    assert (answer.reason, answer.metadata) == (reason, {"champ": champ})


async def test_R17_a_service_names_the_organisation(mesh: Mesh, three: Baremes, org: str) -> None:
    """A service asks for the organisation that it names, and for no other."""
    request = pb.GetBaremeApplicableRequest(date="2026-02-15")
    for organisation, reason in (("", "ORGANISATION_REQUISE"), ("org-autre", "AUCUN_BAREME")):
        stub = mesh.service_stub(BaremeCommissionServiceStub, caller="commerciaux", organisation=organisation)
        assert (await refusal(stub.GetApplicable(request))).reason == reason
    ours = mesh.service_stub(BaremeCommissionServiceStub, caller="commerciaux", organisation=org)
    assert (await ours.GetApplicable(request)).code == "B1"
