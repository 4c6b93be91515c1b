"""PlannedDebitService: plans, and the list of planned debits (R19)."""

import asyncio
from typing import Any

import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import (
    DebitConfigurationServiceStub,
    HolidayServiceStub,
    PlannedDebitServiceStub,
)
from crm.common.common_pb2 import Pagination
from grpc import StatusCode
from service_testing import pages, refusal, refused
from tests.plans import STATUTS, WAYS, line, move, plan, results

INVALID = StatusCode.INVALID_ARGUMENT


async def test_R19_a_plan_makes_a_debit_per_line(
    debits: PlannedDebitServiceStub, configurations: DebitConfigurationServiceStub, org: str
) -> None:
    """With the lot of its configuration; planned again it is the same."""
    await configurations.Save(
        pb.SaveDebitConfigurationRequest(niveau="CONTRAT", reference_id="k-1", mode="BATCH", batch="L1")
    )
    asked = plan(line(contrat_id="k-1", societe_id="soc-1", original_target_date="2026-04-05"), line(2))
    first = await debits.Plan(asked)
    one = first.planned_debits[0]
    expected = pb.PlannedDebit(
        id=one.id,
        organisation_id=org,
        schedule_id="ech-1",
        rang=1,
        contrat_id="k-1",
        client_id="client-123",
        societe_id="soc-1",
        planned_debit_date="2026-04-07",
        original_target_date="2026-04-05",
        batch="L1",
        montant=49.9,
        statut="PLANNED",
        created_at=one.created_at,
        updated_at=one.created_at,
        version=1,
    )
    assert one == expected
    assert (results(first), first.nb_crees, first.nb_mis_a_jour) == (["CREE", "CREE"], 2, 0)
    assert first.planned_debits[1].original_target_date == "2026-04-07"
    again = await debits.Plan(asked)
    assert (results(again), again.nb_crees, again.nb_mis_a_jour) == (["INCHANGE", "INCHANGE"], 0, 0)
    assert list(again.planned_debits) == list(first.planned_debits)


@pytest.mark.parametrize("statut", STATUTS)
async def test_R19_a_change_is_taken_while_nothing_is_under_way(
    debits: PlannedDebitServiceStub, planned: pb.PlannedDebit, statut: str
) -> None:
    """In PLANNED and CONFIRMED; later it is ignored, and said to be."""
    for step in WAYS.get(statut, ()):
        await debits.UpdateStatus(move(step))
    answer = await debits.Plan(plan(line(planned_debit_date="2026-04-08", montant=50), line(2)))
    found = answer.planned_debits[0]
    if statut in ("PLANNED", "CONFIRMED"):
        assert (results(answer), answer.nb_mis_a_jour) == (["MIS_A_JOUR", "CREE"], 1)
        assert (found.planned_debit_date, found.montant, found.statut) == ("2026-04-08", 50, statut)
    else:
        assert (results(answer), answer.nb_mis_a_jour) == (["IGNORE", "CREE"], 0)
        assert (found.planned_debit_date, found.montant) == ("2026-04-07", 49.9)


async def test_R19_a_day_that_is_not_eligible_refuses_its_line(debits: PlannedDebitServiceStub) -> None:
    """And no other one; also when a debit would move there."""
    answer = await debits.Plan(plan(line(1, planned_debit_date="2026-04-06"), line(2)))
    assert results(answer) == ["REFUSE", "CREE"]
    assert answer.lignes[0].error_code == "DATE_NOT_ELIGIBLE"
    assert answer.lignes[0].error_message.startswith("Aucun prélèvement")
    assert [one.rang for one in answer.planned_debits] == [2]
    moved = await debits.Plan(plan(line(2, planned_debit_date="2026-04-05")))
    assert (results(moved), len(moved.planned_debits)) == (["REFUSE"], 0)


async def test_R19_the_zone_is_that_of_the_configuration(
    debits: PlannedDebitServiceStub, configurations: DebitConfigurationServiceStub
) -> None:
    """26 December is a holiday for TARGET everywhere; 20 December in La Réunion alone."""
    reunion: dict[str, Any] = {"mode": "FIXED_DAY", "fixed_day": 5, "zone_code": "FR-974"}
    for niveau, reference in (("CLIENT", "c-974"), ("SOCIETE", "s-974")):
        await configurations.Save(
            pb.SaveDebitConfigurationRequest(niveau=niveau, reference_id=reference, **reunion)
        )
    day = {"planned_debit_date": "2028-12-20"}
    answer = await debits.Plan(
        plan(line(1, **day), line(2, client_id="c-974", **day), line(3, societe_id="s-974", **day))
    )
    assert results(answer) == ["CREE", "REFUSE", "REFUSE"]


async def test_R19_a_holiday_entered_later_moves_nothing(
    debits: PlannedDebitServiceStub, holidays: HolidayServiceStub, planned: pb.PlannedDebit
) -> None:
    """A debit that is planned already may be planned again, also with another amount."""
    await holidays.Create(pb.CreateHolidayRequest(zone_code="FR", date="2026-04-07", nom="Pont"))
    assert results(await debits.Plan(plan(line()))) == ["INCHANGE"]
    assert results(await debits.Plan(plan(line(montant=60)))) == ["MIS_A_JOUR"]
    assert results(await debits.Plan(plan(line(2)))) == ["REFUSE"]


async def test_R19_plans_at_once_make_one_debit(debits: PlannedDebitServiceStub) -> None:
    """Ten of the same make one row; ten of other amounts leave that of one of them."""
    same = await asyncio.gather(*(debits.Plan(plan(line(1), line(2))) for _ in range(10)))
    assert sum(answer.nb_crees for answer in same) == 2
    await asyncio.gather(
        *(debits.Plan(plan(line(2, montant=60 + n), line(1, montant=60 + n))) for n in range(9))
    )
    listed = (await debits.List(pb.ListPlannedDebitsRequest())).planned_debits
    assert len(listed) == 2
    assert listed[0].montant == listed[1].montant > 59


@pytest.mark.parametrize(
    ("lines", "reason", "champ"),
    [
        ([], "CHAMP_REQUIS", "debits"),
        ([line(), line(montant=3)], "LIGNE_EN_DOUBLE", "rang"),
        ([line(schedule_id="")], "CHAMP_REQUIS", "schedule_id"),
        ([line(schedule_id="a b")], "FORMAT_INVALIDE", "schedule_id"),
        ([line(0)], "NOMBRE_HORS_LIMITES", "rang"),
        ([line(client_id="")], "CHAMP_REQUIS", "client_id"),
        ([line(planned_debit_date="")], "CHAMP_REQUIS", "planned_debit_date"),
        ([line(planned_debit_date="2026-02-30")], "DATE_INVALIDE", "planned_debit_date"),
        ([line(original_target_date="x")], "DATE_INVALIDE", "original_target_date"),
        ([line(montant=0)], "MONTANT_INVALIDE", "montant"),
        ([line(montant=-1)], "MONTANT_INVALIDE", "montant"),
        ([line(montant=float("nan"))], "MONTANT_INVALIDE", "montant"),
        ([line(montant=1e12)], "MONTANT_INVALIDE", "montant"),
        ([line(n + 1) for n in range(1001)], "TROP_D_ENTREES", "debits"),
    ],
)
async def test_R19_plans_that_are_refused_as_a_whole(
    debits: PlannedDebitServiceStub, lines: list[pb.DebitToPlan], reason: str, champ: str
) -> None:
    """What is malformed, twice there, or too much."""
    told = await refusal(debits.Plan(plan(*lines)))
    assert (told.code, told.reason, told.metadata["champ"]) == (INVALID, reason, champ)


async def test_R19_a_plan_that_is_refused_names_the_line(debits: PlannedDebitServiceStub) -> None:
    """And plans none of the others."""
    told = await refusal(debits.Plan(plan(line(1), line(2, planned_debit_date="1999-12-31"))))
    assert told.metadata == {"champ": "planned_debit_date", "entree": "debits[1]"}
    assert told.message.endswith("entrée : debits[1] ; de 01/01/2000 à 31/12/2099).")
    assert not (await debits.List(pb.ListPlannedDebitsRequest())).planned_debits


async def test_R19_a_thousand_debits_are_planned_at_once(debits: PlannedDebitServiceStub) -> None:
    """And found again."""
    for resultat in ("CREE", "INCHANGE"):
        answer = await debits.Plan(plan(*(line(n + 1) for n in range(1000))))
        assert results(answer) == [resultat] * 1000


async def test_C6_debits_of_others_do_not_exist(
    foreign_debits: PlannedDebitServiceStub, planned: pb.PlannedDebit
) -> None:
    """The same schedule and rang are free in another organisation."""
    assert await refused(foreign_debits.UpdateStatus(move("FAILED"))) == (
        StatusCode.NOT_FOUND,
        "INTROUVABLE",
    )
    assert not (await foreign_debits.List(pb.ListPlannedDebitsRequest())).planned_debits
    assert results(await foreign_debits.Plan(plan(line()))) == ["CREE"]


async def test_R19_debits_are_listed_by_day(debits: PlannedDebitServiceStub) -> None:
    """Filters narrow the list; days are included."""
    days = ("2026-04-09", "2026-04-07", "2026-04-08")
    await debits.Plan(
        plan(
            *(
                line(n, planned_debit_date=day, societe_id=f"s-{n}", montant=n)
                for n, day in enumerate(days, 1)
            )
        )
    )
    await debits.UpdateStatus(move("CANCELLED"))
    request = pb.ListPlannedDebitsRequest(pagination=Pagination(page_size=2))
    walked = [
        row.planned_debit_date async for page in pages(debits.List, request) for row in page.planned_debits
    ]
    assert walked == sorted(days)
    asked: list[tuple[dict[str, Any], list[int]]] = [
        ({"date_from": "2026-04-08"}, [3, 1]),
        ({"date_from": "2026-04-08", "date_to": "2026-04-08"}, [3]),
        ({"societe_id": "s-2"}, [2]),
        ({"client_id": "client-123", "statut": "PLANNED"}, [2, 3]),
        ({"contrat_id": "k-1"}, []),
    ]
    for fields, expected in asked:
        found = await debits.List(pb.ListPlannedDebitsRequest(**fields))
        assert [row.rang for row in found.planned_debits] == expected
