"""Schedules as people make, change, pause and end them (R1 to R10)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from crm.calendar.calendar_pb2_grpc import DebitConfigurationServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import MandateServiceStub, PaymentScheduleServiceStub
from db_utils import Scope, clock, within
from grpc import StatusCode
from service_kit.outgoing import CommandeSortante
from service_payments import interruptions
from service_payments.models import Echeancier
from service_payments.planification import plan_late
from service_testing import Mesh, eventually, refusal
from sqlalchemy import select
from tests.monthly_sales import monthly, save_day

Stub = PaymentScheduleServiceStub


pytestmark = pytest.mark.usefixtures("on_monday", "the_fifth")


def three_months(**fields: Any) -> pb.CreateScheduleRequest:
    """600 in three months, with *fields* of its own."""
    return monthly(**{"montant_total": 600, "nombre_echeances": 3, **fields})


def days(schedule: pb.Schedule) -> list[str]:
    return [one.date_prelevement for one in schedule.echeances]


def montants(schedule: pb.Schedule) -> list[float]:
    return [one.montant for one in schedule.echeances]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["2026-02-05", "2026-03-05", "2026-04-07"]),
        ({"frequence": "TRIMESTRIELLE"}, ["2026-02-05", "2026-05-05", "2026-08-05"]),
        ({"frequence": "UNIQUE"}, ["2026-02-05"]),
        ({"date_debut": "2026-02-05"}, ["2026-02-05", "2026-03-05", "2026-04-07"]),
        ({"date_debut": "2026-02-06"}, ["2026-03-05", "2026-04-07", "2026-05-05"]),
        ({"frequence": "HEBDOMADAIRE"}, ["2026-01-26", "2026-02-02", "2026-02-09"]),
        (
            {"frequence": "HEBDOMADAIRE", "date_debut": "2026-04-04"},
            ["2026-04-07", "2026-04-13", "2026-04-20"],
        ),
    ],
)
async def test_R5_days_follow_the_frequency(
    echeanciers: Stub, fields: dict[str, Any], expected: list[str]
) -> None:
    """The first that leaves fourteen days of notice, then step by step; weeks on eligible days."""
    assert days(await echeanciers.Create(three_months(**fields))) == expected


async def test_R6_no_day_is_guessed_while_the_calendar_is_away(mesh: Mesh, echeanciers: Stub) -> None:
    """The échéances wait, and get their days when it is back."""
    async with mesh.without("calendar"):
        schedule = await echeanciers.Create(three_months())
        assert {(one.planification, one.date_prelevement) for one in schedule.echeances} == {
            ("A_PLANIFIER", "")
        }

    async def planned() -> list[str]:
        await plan_late(mesh["payments"].app)
        read = await echeanciers.Get(pb.GetScheduleRequest(id=schedule.id))
        return days(read) if all(days(read)) else []

    assert await eventually(planned, timeout=30) == ["2026-02-05", "2026-03-05", "2026-04-07"]


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"frequence": "MENSUEL"}, "VALEUR_INCONNUE", "frequence"),
        ({"frequence": ""}, "CHAMP_REQUIS", "frequence"),
        ({"moyen": "BITCOIN"}, "VALEUR_INCONNUE", "moyen"),
        ({"client_id": ""}, "CHAMP_REQUIS", "client_id"),
        ({"date_debut": ""}, "CHAMP_REQUIS", "date_debut"),
        ({"date_debut": "2026-02-30"}, "DATE_INVALIDE", "date_debut"),
        ({"date_debut": "0026-02-05"}, "DATE_INVALIDE", "date_debut"),
        ({"date_debut": "2206-02-05"}, "DATE_INVALIDE", "date_debut"),
        ({"date_fin": "2026-01-11"}, "DATE_INVALIDE", "date_fin"),
        ({"nombre_echeances": 601}, "TROP_D_ECHEANCES", "nombre_echeances"),
        ({"nombre_echeances": -1}, "TROP_D_ECHEANCES", "nombre_echeances"),
        ({"montant_total": 0.01}, "ECHEANCE_NULLE", "montant_total"),
        ({"montant_total": -1}, "MONTANT_INVALIDE", "montant_total"),
        ({"montant_total": float("nan")}, "MONTANT_INVALIDE", "montant_total"),
        ({"montant_echeance": 10}, "UN_SEUL_MONTANT", "montant_total"),
        ({"mandat_id": "01900000-0000-7000-8000-000000000001"}, "MANDAT_INTROUVABLE", "mandat_id"),
        ({"mandat_id": "mandat"}, "MANDAT_INTROUVABLE", "mandat_id"),
    ],
)
async def test_R1_what_cannot_be_collected_is_refused(
    echeanciers: Stub, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """With the field that is wrong."""
    told = await refusal(echeanciers.Create(three_months(**fields)))
    assert (told.code, told.reason, told.metadata["champ"]) == (StatusCode.INVALID_ARGUMENT, reason, champ)


async def test_a_key_makes_one_schedule(echeanciers: Stub) -> None:
    """The same content again answers the first; another content is refused (C21)."""
    first = await echeanciers.Create(three_months(idempotency_key="cle-1"))
    again = await echeanciers.Create(three_months(idempotency_key="cle-1"))
    assert (again.id, days(again)) == (first.id, days(first))
    told = await refusal(echeanciers.Create(three_months(idempotency_key="cle-1", montant_total=1)))
    assert told.reason == "CLE_IDEMPOTENCE_REUTILISEE"


async def test_a_contract_has_one_schedule_that_lives(echeanciers: Stub) -> None:
    """A renewal may follow one that has ended."""
    first = await echeanciers.Create(three_months(contrat_id="contrat-1"))
    told = await refusal(echeanciers.Create(three_months(contrat_id="contrat-1")))
    assert told.code == StatusCode.ALREADY_EXISTS
    await echeanciers.Cancel(pb.CancelScheduleRequest(id=first.id, motif="renouvelé"))
    assert (await echeanciers.Create(three_months(contrat_id="contrat-1"))).id != first.id


async def test_R3_an_amount_completes_a_schedule(echeanciers: Stub) -> None:
    """Until then its frequency may still change."""
    empty = await echeanciers.Create(three_months(montant_total=None))
    assert (empty.statut, days(empty)) == ("INCOMPLETE", [])
    still = await echeanciers.Update(pb.UpdateScheduleRequest(id=empty.id, frequence="TRIMESTRIELLE"))
    assert still.statut == "INCOMPLETE"
    complete = await echeanciers.Update(pb.UpdateScheduleRequest(id=empty.id, montant_total=100))
    assert (complete.statut, montants(complete)) == ("ACTIVE", [33.33, 33.33, 33.34])
    assert days(complete) == ["2026-02-05", "2026-05-05", "2026-08-05"]
    told = await refusal(echeanciers.Update(pb.UpdateScheduleRequest(id=empty.id, frequence="MENSUELLE")))
    assert told.reason == "FREQUENCE_FIXEE"


async def test_R15_a_schedule_names_a_mandate_of_its_own_client(
    echeanciers: Stub, mandats: MandateServiceStub
) -> None:
    """That of another client would have him pay."""
    mandat = await mandats.Create(pb.CreateMandateRequest(client_id="client-9", societe_id="soc-1"))
    schedule = await echeanciers.Create(three_months())
    for asked in (
        echeanciers.Create(three_months(mandat_id=mandat.id)),
        echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, mandat_id=mandat.id)),
    ):
        told = await refusal(asked)
        assert (told.reason, told.metadata["champ"]) == ("MANDAT_INTROUVABLE", "mandat_id")


async def test_R8_a_new_amount_is_that_of_the_echeances_to_come(
    echeanciers: Stub, mandats: MandateServiceStub
) -> None:
    """Each of them, or shared among them; the mandate and the means change with the schedule."""
    schedule = await echeanciers.Create(three_months())
    each = await echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, montant_echeance=70))
    assert montants(each) == [70, 70, 70]
    total = await echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, montant_total=100))
    assert montants(total) == [33.33, 33.33, 33.34]
    mandat = await mandats.Create(pb.CreateMandateRequest(client_id="client-123", societe_id="soc-1"))
    changed = await echeanciers.Update(
        pb.UpdateScheduleRequest(id=schedule.id, mandat_id=mandat.id, moyen="VIREMENT", version=total.version)
    )
    assert (changed.mandat_id, changed.moyen) == (mandat.id, "VIREMENT")
    told = await refusal(
        echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, moyen="CARTE", version=total.version))
    )
    assert told.code == StatusCode.ABORTED
    shorter = await echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, date_fin="2026-03-31"))
    assert [one.statut for one in shorter.echeances] == ["PLANIFIEE", "PLANIFIEE", "ANNULEE"]


async def test_R10_a_paused_schedule_goes_on_as_a_block(mesh: Mesh, org: str, echeanciers: Stub) -> None:
    """Resumed on 20 June: the notice ends on 4 July, so 6 July, then 5 August; resumed in time, as it was."""
    schedule = await echeanciers.Create(three_months(date_debut="2026-04-20"))
    assert days(schedule) == ["2026-05-05", "2026-06-05", "2026-07-06"]
    paused = await echeanciers.Pause(pb.PauseScheduleRequest(id=schedule.id, motif="chômage"))
    assert (paused.statut, days(paused)) == ("PAUSED", days(schedule))
    again = await echeanciers.Resume(pb.ResumeScheduleRequest(id=schedule.id, motif="reprise"))
    assert (again.statut, days(again)) == ("ACTIVE", days(schedule))
    await echeanciers.Pause(pb.PauseScheduleRequest(id=schedule.id, motif="chômage"))
    with clock.frozen_at(datetime(2026, 6, 20, 9, tzinfo=UTC)), within(Scope(org)):
        app = mesh["payments"].app
        row = await app.database.read().get(Echeancier, schedule.id)
        assert row is not None
        suite = await interruptions.continuation(app, row)
        async with app.database.transaction() as tx:
            locked = await tx.get(Echeancier, schedule.id, lock=True)
            assert locked is not None
            await interruptions.resume(tx, locked, "reprise", suite)
    late = await echeanciers.Get(pb.GetScheduleRequest(id=schedule.id))
    assert (late.statut, days(late)) == ("ACTIVE", ["2026-07-06", "2026-08-05", "2026-09-07"])


@pytest.mark.parametrize(
    ("ways", "refused"),
    [
        ((), "Resume"),
        (("Pause",), "Pause"),
        (("Cancel",), "Pause"),
        (("Cancel",), "Resume"),
        (("Cancel",), "Cancel"),
        (("Cancel",), "Update"),
    ],
)
async def test_R10_ways_that_do_not_exist_are_refused(
    echeanciers: Stub, ways: tuple[str, ...], refused: str
) -> None:
    """With the statut that stands in the way; the reason of a change must be told."""
    schedule = await echeanciers.Create(three_months())
    requests: dict[str, Any] = {
        "Pause": pb.PauseScheduleRequest,
        "Resume": pb.ResumeScheduleRequest,
        "Cancel": pb.CancelScheduleRequest,
    }
    for way in ways:
        await getattr(echeanciers, way)(requests[way](id=schedule.id, motif="essai"))
    if refused == "Update":
        told = await refusal(echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, moyen="CARTE")))
    else:
        silent = await refusal(getattr(echeanciers, refused)(requests[refused](id=schedule.id)))
        assert silent.reason == "CHAMP_REQUIS"
        told = await refusal(getattr(echeanciers, refused)(requests[refused](id=schedule.id, motif="essai")))
    assert (told.code, told.reason) == (StatusCode.FAILED_PRECONDITION, "TRANSITION_INTERDITE")


async def test_R10_an_ended_schedule_has_nothing_to_come(echeanciers: Stub) -> None:
    schedule = await echeanciers.Create(three_months())
    ended = await echeanciers.Cancel(pb.CancelScheduleRequest(id=schedule.id, motif="départ"))
    assert (ended.statut, {one.statut for one in ended.echeances}) == ("CANCELLED", {"ANNULEE"})
    listed = await echeanciers.List(pb.ListSchedulesRequest(statut="CANCELLED"))
    assert [one.id for one in listed.schedules] == [schedule.id]


async def test_R10_what_is_not_late_keeps_its_days(
    echeanciers: Stub, reglages: DebitConfigurationServiceStub
) -> None:
    """Also where 28 February, a Saturday, is debited in March already."""
    await save_day(reglages, 28)
    schedule = await echeanciers.Create(three_months(date_debut="2026-02-10"))
    assert days(schedule) == ["2026-03-02", "2026-03-30", "2026-04-28"]
    await echeanciers.Pause(pb.PauseScheduleRequest(id=schedule.id, motif="essai"))
    again = await echeanciers.Resume(pb.ResumeScheduleRequest(id=schedule.id, motif="essai"))
    assert days(again) == days(schedule)


async def test_R1_an_open_schedule_that_gets_an_end_goes_on_until_then(echeanciers: Stub) -> None:
    """Its next three are not the last: all up to the end are made, none after it."""
    asked = three_months(montant_echeance=20, montant_total=None, nombre_echeances=None)
    schedule = await echeanciers.Create(asked)
    assert len(schedule.echeances) == 3
    ended = await echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, date_fin="2026-07-05"))
    assert days(ended) == [*days(schedule), "2026-05-05", "2026-06-05"]
    assert set(montants(ended)) == {20}


@pytest.mark.parametrize("other", [{"client_id": "client-456"}, {"societe_id": "soc-2"}])
async def test_R8_a_schedule_is_debited_under_its_own_mandate(
    echeanciers: Stub, mandats: MandateServiceStub, other: dict[str, str]
) -> None:
    """Not under one that another client gave, or that was given to another creditor."""
    place = {"client_id": "client-123", "societe_id": "soc-1", **other}
    mandat = await mandats.Create(
        pb.CreateMandateRequest(client_id=place["client_id"], societe_id=place["societe_id"])
    )
    schedule = await echeanciers.Create(three_months())
    for call in (
        echeanciers.Create(three_months(mandat_id=mandat.id)),
        echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, mandat_id=mandat.id)),
    ):
        told = await refusal(call)
        assert (told.code, told.reason) == (StatusCode.INVALID_ARGUMENT, "MANDAT_INTROUVABLE")


async def test_R5_what_the_calendar_is_told_of_a_schedule_keeps_its_order(
    mesh: Mesh, org: str, echeanciers: Stub
) -> None:
    """Plans and their ends are about one object: a plan that waits never comes after its end."""
    schedule = await echeanciers.Create(three_months())
    await echeanciers.Update(pb.UpdateScheduleRequest(id=schedule.id, montant_echeance=150))
    await echeanciers.Cancel(pb.CancelScheduleRequest(id=schedule.id, motif="départ"))
    with within(Scope(org)):
        owed = await mesh.database("payments").read().all(select(CommandeSortante))
    assert {(one.type, one.objet) for one in owed} == {
        (kind, f"calendar:{schedule.id}") for kind in ("planifier_prelevements", "statut_prelevement")
    }
