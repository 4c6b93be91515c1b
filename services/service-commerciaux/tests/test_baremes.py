"""BaremeCommissionService: barèmes in versions, as callers make, read, list and change them."""

import asyncio
from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import BaremeCommissionServiceStub
from google.protobuf.json_format import ParseDict
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import Mesh, refusal
from service_testing.refusals import read
from tests.equipe import UNKNOWN

FULL = {
    "code": "VRP-2026",
    "nom": "VRP Assurance",
    "description": "Barème des VRP",
    "typeCalcul": "mixte",
    "baseCalcul": "cotisation_ht",
    "montantFixe": 30.0,
    "tauxPourcentage": 5.5,
    "precomptee": True,
    "recurrenceActive": True,
    "tauxRecurrence": 3.0,
    "dureeRecurrenceMois": 12,
    "dureeReprisesMois": 12,
    "tauxReprise": 80.0,
    "typeProduit": "ASSURANCE",
    "profilRemuneration": "VRP",
    "societeId": "s-1",
    "canalVente": "terrain",
    "repartitionCommercial": 70.0,
    "repartitionManager": 20.0,
    "repartitionAgence": 10.0,
    "repartitionEntreprise": 0.0,
    "dateEffet": "2026-01-01",
    "dateFin": "2026-12-31",
    "actif": True,
    "motifModification": "Grille 2026",
}
TIERS = [
    {"code": "HAUT", "seuilMin": 100, "montantPrime": 500, "ordre": 1},
    {"code": "BAS", "seuilMin": 0, "seuilMax": 100, "tauxBonus": 2.5, "ordre": 1, "parPeriode": False},
]


def fixed(code: str, **fields: Any) -> pb.CreateBaremeRequest:
    """Request for a barème of 50 euros from 2026-01-01."""
    told: dict[str, Any] = {"nom": f"Barème {code}", "montant_fixe": 50, "date_effet": "2026-01-01"} | fields
    return pb.CreateBaremeRequest(code=code, **told)


def raised(bareme: pb.Bareme, montant: float = 60, day: str = "2026-03-01") -> pb.UpdateBaremeRequest:
    """Request for a next version with another amount."""
    return pb.UpdateBaremeRequest(
        id=bareme.id, montant_fixe=montant, date_effet=day, motif_modification="Hausse"
    )


@pytest.fixture
async def first(baremes: BaremeCommissionServiceStub) -> pb.Bareme:
    """Version 1 of a barème with a tier."""
    return await baremes.Create(fixed("B1", paliers=[pb.Palier(seuil_min=10, montant_prime=200)]))


async def versions(baremes: BaremeCommissionServiceStub) -> list[pb.Bareme]:
    """All versions of all barèmes of the organisation, the oldest first."""
    answer = await baremes.List(pb.ListBaremesRequest(toutes_versions=True))
    return sorted(answer.baremes, key=lambda bareme: bareme.version_bareme)


async def test_a_bareme_is_answered_as_it_was_given(baremes: BaremeCommissionServiceStub, org: str) -> None:
    """Create, Get by id and Get by code answer every field, tiers in their order (R14)."""
    made = await baremes.Create(ParseDict({**FULL, "paliers": TIERS}, pb.CreateBaremeRequest()))
    expected = ParseDict(FULL, pb.Bareme())
    ids = [palier.id for palier in made.paliers]
    expected.paliers.extend(
        [
            pb.Palier(
                code="BAS",
                nom="BAS",
                type_palier="volume",
                seuil_max=100,
                taux_bonus=2.5,
                cumulable=True,
                par_periode=False,
                ordre=1,
                id=ids[0],
            ),
            pb.Palier(
                code="HAUT",
                nom="HAUT",
                type_palier="volume",
                seuil_min=100,
                montant_prime=500,
                cumulable=True,
                par_periode=True,
                ordre=1,
                id=ids[1],
            ),
        ]
    )
    expected.MergeFrom(pb.Bareme(id=made.id, organisation_id=org, version_bareme=1, version=1))
    expected.MergeFrom(pb.Bareme(cree_par=made.cree_par, modifie_par=made.cree_par))
    expected.MergeFrom(pb.Bareme(created_at=made.created_at, updated_at=made.created_at))
    assert expected == made
    for request in (pb.GetBaremeRequest(id=made.id), pb.GetBaremeRequest(code="vrp-2026")):
        assert made == await baremes.Get(request)


async def test_the_author_is_the_caller(mesh: Mesh, org: str) -> None:
    """Who made a version and who changed it last are the users of the calls (R16)."""
    one = mesh.stub(BaremeCommissionServiceStub, user="u-1", organisation=org)
    two = mesh.stub(BaremeCommissionServiceStub, user="u-2", organisation=org)
    made = await one.Create(fixed("B1"))
    named = await two.Update(pb.UpdateBaremeRequest(id=made.id, nom="Autre"))
    following = await one.Update(raised(named))
    assert [(bareme.cree_par, bareme.modifie_par) for bareme in (made, named, following)] == [
        ("u-1", "u-1"),
        ("u-1", "u-2"),
        ("u-1", "u-1"),
    ]


async def test_a_code_is_taken_once(baremes: BaremeCommissionServiceStub, first: pb.Bareme) -> None:
    """A second barème of a code is ALREADY_EXISTS, also when the code has several versions."""
    await baremes.Update(raised(first))
    answer = await refusal(baremes.Create(fixed("b1")))
    assert (answer.code, answer.reason) == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")
    assert len(await versions(baremes)) == 2


@pytest.mark.parametrize(
    ("fields", "champ"),
    [
        ({"type_calcul": "forfait"}, "type_calcul"),
        ({"base_calcul": "ttc"}, "base_calcul"),
        ({"canal_vente": "Web"}, "canal_vente"),
        ({"paliers": [pb.Palier(type_palier="prime")]}, "type_palier"),
    ],
)
async def test_C01_closed_lists_are_checked(
    baremes: BaremeCommissionServiceStub, fields: dict[str, Any], champ: str
) -> None:
    """An unknown value is refused with its field."""
    answer = await refusal(baremes.Create(fixed("B1", **fields)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "VALEUR_INCONNUE",
        {"champ": champ},
    )


async def test_R11_a_refusal_tells_the_sum(baremes: BaremeCommissionServiceStub) -> None:
    """Three thirds are 99.99."""
    thirds = {f"repartition_{part}": 33.33 for part in ("commercial", "manager", "agence")}
    answer = await refusal(baremes.Create(fixed("B1", **thirds)))
    assert (answer.code, answer.reason, answer.metadata["total"]) == (
        StatusCode.INVALID_ARGUMENT,
        "REPARTITION_INVALIDE",
        "99.99",
    )


async def test_R14_a_bareme_has_20_tiers_at_most(baremes: BaremeCommissionServiceStub) -> None:
    """Twenty are accepted; one more is refused, in Create and in Update."""
    many = [pb.Palier(seuil_min=n, seuil_max=n + 1) for n in range(21)]
    made = await baremes.Create(fixed("B1", paliers=many[:20]))
    assert len(made.paliers) == 20
    for call in (
        baremes.Create(fixed("B2", paliers=many)),
        baremes.Update(pb.UpdateBaremeRequest(id=made.id, paliers=many)),
    ):
        answer = await refusal(call)
        assert (answer.code, answer.reason, answer.metadata) == (
            StatusCode.INVALID_ARGUMENT,
            "TROP_D_ENTREES",
            {"champ": "paliers", "maximum": "20"},
        )


async def test_R15_the_answer_is_the_new_version(
    baremes: BaremeCommissionServiceStub, first: pb.Bareme
) -> None:
    """The former version keeps its figures and tiers, and ends on the day before."""
    second = await baremes.Update(raised(first))
    assert (second.version_bareme, second.montant_fixe, second.version) == (2, 60, 1)
    assert [(palier.code, palier.montant_prime) for palier in second.paliers] == [("P1", 200)]
    former = await baremes.Get(pb.GetBaremeRequest(id=first.id))
    expected = pb.Bareme()
    expected.CopyFrom(first)
    expected.MergeFrom(pb.Bareme(date_fin="2026-02-28", version=2, updated_at=former.updated_at))
    assert expected == former
    assert {palier.id for palier in second.paliers}.isdisjoint(palier.id for palier in first.paliers)


async def test_a_version_is_read_by_its_number(
    baremes: BaremeCommissionServiceStub, first: pb.Bareme
) -> None:
    """Number 0 is the latest version; one that is not there is NOT_FOUND."""
    second = await baremes.Update(raised(first))
    found = [
        (await baremes.Get(pb.GetBaremeRequest(code="B1", version_bareme=number))).id for number in (0, 1, 2)
    ]
    assert found == [second.id, first.id, second.id]
    for request in (
        pb.GetBaremeRequest(code="B1", version_bareme=3),
        pb.GetBaremeRequest(code="B2"),
        pb.GetBaremeRequest(),
    ):
        assert (await refusal(baremes.Get(request))).reason == "INTROUVABLE"


async def test_R15_only_the_latest_version_can_be_updated(
    baremes: BaremeCommissionServiceStub, first: pb.Bareme
) -> None:
    """An Update of a version that has a successor is ABORTED."""
    await baremes.Update(raised(first))
    answer = await refusal(baremes.Update(raised(first, 70, "2026-05-01")))
    assert (answer.code, answer.reason) == (StatusCode.ABORTED, "VERSION_REMPLACEE")


@pytest.mark.parametrize("attempt", range(5))
async def test_R15_two_updates_at_once_make_one_version(
    baremes: BaremeCommissionServiceStub, first: pb.Bareme, attempt: int
) -> None:
    """The other one is ABORTED; numbers occur once, and periods follow each other without a gap."""
    changes = [baremes.Update(raised(first, 60 + n, f"2026-0{3 + n}-01")) for n in range(2)]
    answers = await asyncio.gather(*changes, return_exceptions=True)
    refused = [read(one).code for one in answers if isinstance(one, AioRpcError)]
    assert refused == [StatusCode.ABORTED]
    one, two = await versions(baremes)
    assert [one.version_bareme, two.version_bareme] == [1, 2]
    assert {one.date_fin: two.date_effet}.items() <= {
        "2026-02-28": "2026-03-01",
        "2026-03-31": "2026-04-01",
    }.items()


async def test_a_list_shows_the_latest_versions(
    baremes: BaremeCommissionServiceStub, first: pb.Bareme
) -> None:
    """All versions, or those in force on a day, are shown on request; tiers come with them."""
    second = await baremes.Update(raised(first))
    await baremes.Create(fixed("B2", type_calcul="mixte", taux_pourcentage=5, canal_vente="web"))

    async def listed(**fields: Any) -> list[tuple[str, int]]:
        answer = await baremes.List(pb.ListBaremesRequest(**fields))
        return [(bareme.code, bareme.version_bareme) for bareme in answer.baremes]

    assert await listed() == [("B1", 2), ("B2", 1)]
    assert sorted(await listed(toutes_versions=True)) == [("B1", 1), ("B1", 2), ("B2", 1)]
    assert await listed(en_vigueur_le="2026-02-28") == [("B1", 1), ("B2", 1)]
    assert await listed(en_vigueur_le="2026-03-01") == [("B1", 2), ("B2", 1)]
    assert await listed(en_vigueur_le="2025-12-31") == []
    assert await listed(type_calcul="mixte") == await listed(canal_vente="web") == [("B2", 1)]
    assert await listed(search="b1 bar") == [("B1", 2)]
    await baremes.Desactiver(pb.DesactiverBaremeRequest(id=second.id))
    assert await listed(actif=False) == [("B1", 2)]
    assert await listed(actif=True) == [("B2", 1)]
    shown = (await baremes.List(pb.ListBaremesRequest(search="B1"))).baremes[0]
    assert shown == await baremes.Get(pb.GetBaremeRequest(id=second.id))


async def test_R19_activation_may_be_repeated(baremes: BaremeCommissionServiceStub, first: pb.Bareme) -> None:
    """A second call changes nothing; an unknown version is NOT_FOUND."""
    off = [await baremes.Desactiver(pb.DesactiverBaremeRequest(id=first.id)) for _ in range(2)]
    on = [await baremes.Activer(pb.ActiverBaremeRequest(id=first.id)) for _ in range(2)]
    assert [(one.actif, one.version) for one in (*off, *on)] == [(False, 2)] * 2 + [(True, 3)] * 2
    for identity in (UNKNOWN, "x"):
        call = baremes.Activer(pb.ActiverBaremeRequest(id=identity))
        assert (await refusal(call)).reason == "INTROUVABLE"
