"""ObjectifService, and what its objectives change in GetEvolutionCa (R7, R17)."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import EvolutionCaServiceStub, ObjectifServiceStub
from db_utils.clock import frozen_at
from grpc import StatusCode
from service_dashboard.objectifs import months_asked
from service_testing import refused
from tests.factures_vues import issued
from tests.marche import NOW, Ventes
from tests.objectifs_decides import decide


async def listed(ventes: Ventes, **filters: str) -> list[tuple[str, str, float]]:
    """Société, month and amount of the objectives."""
    with frozen_at(NOW):
        stub = ventes.mesh.stub(ObjectifServiceStub, organisation=ventes.org)
        answer = await stub.List(pb.ListObjectifsRequest(**filters))
    return [(one.societe_id, one.mois, one.montant) for one in answer.objectifs]


async def objectives(ventes: Ventes, **filters: Any) -> list[float]:
    """What the months of a period should bring."""
    answer = await ventes.ask(EvolutionCaServiceStub, "GetEvolutionCa", **filters)
    return [one.objectif for one in answer.donnees]


async def test_R17_what_is_decided_again_is_replaced(ventes: Ventes) -> None:
    """With the next version; a third time the same changes nothing."""
    versions = [(await decide(ventes, "2026-04", montant)).version for montant in (1000, 1500.5, 1500.5)]
    assert (versions, await listed(ventes)) == ([1, 2, 2], [("", "2026-04", 1500.5)])


async def test_R17_two_who_decide_at_once_both_succeed(ventes: Ventes) -> None:
    """One after the other."""
    decided = await asyncio.gather(*(decide(ventes, "2026-04", montant) for montant in (1000, 2000)))
    assert {one.version for one in decided} == {1, 2}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"mois": "2026-04"}, "CHAMP_REQUIS"),
        ({"montant": 1000}, "CHAMP_REQUIS"),
        ({"mois": "2026-04", "montant": -1}, "MONTANT_INVALIDE"),
        ({"mois": "2026-04", "montant": float("nan")}, "MONTANT_INVALIDE"),
        ({"mois": "1999-12", "montant": 1}, "MOIS_INVALIDE"),
        ({"mois": "2101-01", "montant": 1}, "MOIS_INVALIDE"),
        ({"mois": "2026-13", "montant": 1}, "MOIS_INVALIDE"),
        ({"mois": "2026-4", "montant": 1}, "MOIS_INVALIDE"),
        ({"mois": "2026-04", "montant": 1, "societe_id": "soc 1"}, "FORMAT_INVALIDE"),
    ],
)
async def test_R17_an_objective_that_makes_no_sense_is_refused(
    ventes: Ventes, fields: dict[str, Any], reason: str
) -> None:
    """Nothing is stored."""
    stub = ventes.mesh.stub(ObjectifServiceStub, organisation=ventes.org)
    refusal = await refused(stub.Set(pb.SetObjectifRequest(**fields)))
    assert (refusal, await listed(ventes)) == ((StatusCode.INVALID_ARGUMENT, reason), [])


async def test_R17_the_first_and_the_last_month_may_have_an_objective(ventes: Ventes) -> None:
    """And 0 may be one."""
    decided = [await decide(ventes, mois, 0) for mois in ("2000-01", "2100-12")]
    assert [one.montant for one in decided] == [0, 0]


async def test_R17_nobody_decides_for_nobody(ventes: Ventes) -> None:
    """A user without an organisation is refused."""
    stub = ventes.mesh.stub(ObjectifServiceStub, organisation="")
    refusal = await refused(stub.Set(pb.SetObjectifRequest(mois="2026-04", montant=1)))
    assert refusal == (StatusCode.INVALID_ARGUMENT, "ORGANISATION_REQUISE")


async def test_R17_objectives_are_listed_by_month_and_societe(ventes: Ventes) -> None:
    """Those of another organisation are not there."""
    await decide(ventes, "2026-05", 3)
    await decide(ventes, "2026-04", 2, societe_id="soc-1")
    await decide(ventes, "2026-04", 1)
    await decide(Ventes(ventes.mesh, f"{ventes.org}-autre"), "2026-04", 9)
    assert await listed(ventes) == [("", "2026-04", 1), ("soc-1", "2026-04", 2), ("", "2026-05", 3)]
    assert await listed(ventes, du="2026-05", au="2026-06") == [("", "2026-05", 3)]
    assert await listed(ventes, societe_id="soc-1") == [("soc-1", "2026-04", 2)]


@pytest.mark.parametrize(
    ("du", "au", "months"),
    [
        ("", "", (date(2026, 1, 1), date(2026, 12, 1))),
        ("2026-03", "", (date(2026, 3, 1), date(2027, 2, 1))),
        ("", "2026-03", (date(2025, 4, 1), date(2026, 3, 1))),
        ("2026-03", "2031-02", (date(2026, 3, 1), date(2031, 2, 1))),
    ],
)
def test_R17_twelve_months_are_listed_unless_others_are_named(
    du: str, au: str, months: tuple[date, date]
) -> None:
    """Both ends included."""
    assert months_asked(pb.ListObjectifsRequest(du=du, au=au), date(2026, 4, 20)) == months


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"du": "2026-05", "au": "2026-04"}, "PERIODE_INVALIDE"),
        ({"du": "2026-03", "au": "2031-03"}, "PERIODE_INVALIDE"),
        ({"du": "avril"}, "MOIS_INVALIDE"),
    ],
)
async def test_R17_months_that_make_no_sense_are_refused(
    ventes: Ventes, filters: dict[str, str], reason: str
) -> None:
    """An end before its start, more than five years, or no month."""
    assert await refused(listed(ventes, **filters)) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R07_R17_what_was_decided_stands_before_the_mean(ventes: Ventes) -> None:
    """February has none of its own: the mean of January and a tenth more."""
    await issued(ventes.mesh, ventes.org, datetime(2026, 1, 10, tzinfo=UTC), "1000")
    await decide(ventes, "2026-03", 0)
    await decide(ventes, "2026-04", 30_000)
    assert await objectives(ventes, date_debut="2026-02-01") == [1100, 0, 30_000]


async def test_R07_R17_a_societe_has_its_own_objective_else_that_of_the_organisation(
    ventes: Ventes,
) -> None:
    """The organisation has nothing of those of its sociétés."""
    await decide(ventes, "2026-04", 100)
    await decide(ventes, "2026-04", 40, societe_id="soc-1")
    await decide(ventes, "2026-03", 70, societe_id="soc-1")
    asked = {"date_debut": "2026-03-01"}
    figures = [await objectives(ventes, societe_id=one, **asked) for one in ("", "soc-1", "soc-2")]
    assert figures == [[0, 100], [70, 40], [0, 100]]
