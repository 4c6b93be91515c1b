"""Cancelling and rescheduling reminders, as users do it (R21)."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import grpc
import pytest
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RegleRelanceServiceStub, RelanceServiceStub
from db_utils.clock import frozen_at
from service_testing import Mesh, refusal
from tests.rappels import planned

NOON = datetime(2026, 1, 15, 11, tzinfo=UTC)
REFUSED = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
def noon() -> Iterator[None]:
    """Noon of 15 January 2026, at which the clock stands still."""
    with frozen_at(NOON):
        yield


def level(niveau: int, facture: str = "facture-7", **fields: Any) -> dict[str, Any]:
    """Reminder of an unpaid invoice."""
    return {"declencheur": "IMPAYE", "niveau": niveau, "facture_id": facture, **fields}


async def states(stub: RelanceServiceStub) -> list[tuple[int, str, str]]:
    """Level, statut and motif of each reminder, in the order in which they were made."""
    listed = (await stub.List(pb.ListRelancesRequest())).relances
    return [(one.niveau, one.statut, one.motif) for one in sorted(listed, key=lambda one: one.cle)]


async def test_R21_one_reminder_is_cancelled_and_the_next_one_is_not(
    relances: RelanceServiceStub, mesh: Mesh, org: str
) -> None:
    """A second call finds nothing left to cancel; the first motif stays."""
    first, _ = await planned(mesh, org, level(1), level(2))
    answers = [
        await relances.Cancel(pb.CancelRelanceRequest(id=first, motif=motif)) for motif in ("Accord", "Autre")
    ]
    assert [one.nb_annulees for one in answers] == [1, 0]
    assert await states(relances) == [(1, "ANNULEE", "Accord"), (2, "PLANIFIEE", "")]


async def test_R21_what_is_planned_about_an_invoice_is_cancelled(
    relances: RelanceServiceStub, mesh: Mesh, org: str
) -> None:
    """What was carried out, and other invoices, stay as they are."""
    await planned(mesh, org, level(1, statut="EXECUTEE"), level(2), level(3), level(2, "facture-8"))
    answer = await relances.Cancel(pb.CancelRelanceRequest(facture_id="facture-7", motif="Avoir"))
    none = await relances.Cancel(pb.CancelRelanceRequest(facture_id="facture-9", motif="Avoir"))
    assert (answer.nb_annulees, none.nb_annulees) == (2, 0)
    assert await states(relances) == [
        (1, "EXECUTEE", ""),
        (2, "ANNULEE", "Avoir"),
        (3, "ANNULEE", "Avoir"),
        (2, "PLANIFIEE", ""),
    ]


@pytest.mark.parametrize("statut", ["PLANIFIEE", "EXECUTEE"])
async def test_R21_a_dispute_ends_all_further_levels(
    relances: RelanceServiceStub, mesh: Mesh, org: str, statut: str
) -> None:
    """However it is spelt, and also when the disputed level was carried out already."""
    rows = [level(1), level(2, statut=statut), level(3), level(3, "facture-8")]
    ids = await planned(mesh, org, *rows, {"facture_id": "facture-7"})
    answer = await relances.Cancel(pb.CancelRelanceRequest(id=ids[1], motif="Litige"))
    ended = ("ANNULEE", "LITIGE")
    assert answer.nb_annulees == (2 if statut == "PLANIFIEE" else 1)
    assert await states(relances) == [
        (1, "PLANIFIEE", ""),
        (2, *(ended if statut == "PLANIFIEE" else (statut, ""))),
        (3, *ended),
        (3, "PLANIFIEE", ""),
        (0, "PLANIFIEE", ""),
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"motif": "Accord"}, "CIBLE_AMBIGUE"),
        ({"id": "a", "facture_id": "b", "motif": "Accord"}, "CIBLE_AMBIGUE"),
        ({"facture_id": "b"}, "CHAMP_REQUIS"),
        ({"facture_id": "b", "motif": "x" * 256}, "TROP_LONG"),
    ],
)
async def test_R21_a_cancellation_names_one_target_and_why(
    relances: RelanceServiceStub, fields: dict[str, str], reason: str
) -> None:
    """Neither, both, or no motif is refused."""
    answer = await refusal(relances.Cancel(pb.CancelRelanceRequest(**fields)))
    assert (answer.code, answer.reason) == (REFUSED, reason)


async def test_R21_cancellations_at_once_count_each_reminder_once(
    relances: RelanceServiceStub, mesh: Mesh, org: str
) -> None:
    """Ten calls, by reminder and by invoice, cancel three reminders together."""
    ids = await planned(mesh, org, level(1), level(2), level(3))
    requests = [pb.CancelRelanceRequest(id=one, motif="LITIGE") for one in ids * 2]
    requests += [pb.CancelRelanceRequest(facture_id="facture-7", motif="Avoir")] * 4
    answers = await asyncio.gather(*map(relances.Cancel, requests))
    assert sum(one.nb_annulees for one in answers) == 3


@pytest.mark.parametrize("statut", ["PLANIFIEE", "ECHEC"])
async def test_a_reminder_is_planned_for_another_day(
    noon: None, relances: RelanceServiceStub, mesh: Mesh, org: str, statut: str
) -> None:
    """One that failed is planned again and has all its attempts; the calendar moves it no more."""
    (relance_id,) = await planned(mesh, org, {"statut": statut, "tentatives": 5})
    request = pb.RescheduleRelanceRequest(id=relance_id, date_prevue="2026-01-20", motif="Client absent")
    moved = await relances.Reschedule(request)
    assert moved == pb.Relance(
        id=relance_id,
        organisation_id=org,
        regle_id=moved.regle_id,
        declencheur="NOUVEAU_CLIENT",
        client_id="client-123",
        date_prevue="2026-01-20",
        statut="PLANIFIEE",
        motif="Client absent",
        cle="cle-0",
        tentatives=5 if statut == "PLANIFIEE" else 0,
        created_at=moved.created_at,
        updated_at=moved.updated_at,
        version=2,
    )


@pytest.mark.parametrize("statut", ["EXECUTEE", "ANNULEE", "IGNOREE"])
async def test_what_has_ended_is_not_planned_again(
    relances: RelanceServiceStub, mesh: Mesh, org: str, statut: str
) -> None:
    """The refusal tells from which statut to which."""
    (relance_id,) = await planned(mesh, org, {"statut": statut})
    day = (date.today() + timedelta(days=2)).isoformat()
    answer = await refusal(
        relances.Reschedule(pb.RescheduleRelanceRequest(id=relance_id, date_prevue=day, motif="Accord"))
    )
    assert (answer.code, answer.reason, answer.metadata) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "TRANSITION_INTERDITE",
        {"de": statut, "vers": "PLANIFIEE"},
    )


@pytest.mark.parametrize(
    ("day", "motif", "reason"),
    [
        ("2026-01-14", "Accord", "DATE_HORS_PERIODE"),
        ("2027-01-16", "Accord", "DATE_HORS_PERIODE"),
        ("2026-02-30", "Accord", "DATE_INVALIDE"),
        ("", "Accord", "CHAMP_REQUIS"),
        ("2026-01-20", "", "CHAMP_REQUIS"),
        ("2026-01-20", "x" * 256, "TROP_LONG"),
    ],
)
async def test_a_new_day_is_between_today_and_a_year_from_now(
    noon: None, relances: RelanceServiceStub, mesh: Mesh, org: str, day: str, motif: str, reason: str
) -> None:
    """Yesterday and the 366th day are refused, and so is a change without a motif."""
    (relance_id,) = await planned(mesh, org, {})
    request = pb.RescheduleRelanceRequest(id=relance_id, date_prevue=day, motif=motif)
    answer = await refusal(relances.Reschedule(request))
    assert (answer.code, answer.reason) == (REFUSED, reason)


async def test_the_refusal_of_a_day_tells_the_bounds(
    noon: None, relances: RelanceServiceStub, mesh: Mesh, org: str
) -> None:
    """As people write days."""
    (relance_id,) = await planned(mesh, org, {})
    request = pb.RescheduleRelanceRequest(id=relance_id, date_prevue="2026-01-14", motif="Accord")
    answer = await refusal(relances.Reschedule(request))
    assert answer.message.endswith("(champ : date_prevue ; de 15/01/2026 à 15/01/2027).")


@pytest.mark.parametrize("day", ["2026-01-15", "2027-01-15"])
async def test_the_bounds_themselves_are_days(
    noon: None, relances: RelanceServiceStub, mesh: Mesh, org: str, day: str
) -> None:
    """Today, and 365 days later."""
    (relance_id,) = await planned(mesh, org, {})
    request = pb.RescheduleRelanceRequest(id=relance_id, date_prevue=day, motif="Accord")
    assert (await relances.Reschedule(request)).date_prevue == day


async def test_a_failed_reminder_of_a_deleted_rule_is_not_planned_again(
    noon: None, relances: RelanceServiceStub, regles: RegleRelanceServiceStub, mesh: Mesh, org: str
) -> None:
    """Nobody knows any more what should be done."""
    (relance_id,) = await planned(mesh, org, {"statut": "ECHEC"})
    read = await relances.Get(pb.GetRelanceRequest(id=relance_id))
    await regles.Delete(pb.DeleteRegleRelanceRequest(id=read.regle_id))
    request = pb.RescheduleRelanceRequest(id=relance_id, date_prevue="2026-01-20", motif="Accord")
    answer = await refusal(relances.Reschedule(request))
    assert (answer.code, answer.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REGLE_SUPPRIMEE")
