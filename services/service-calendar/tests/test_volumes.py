"""Volumes of days: their level against a threshold, the view of a month, the warning (R21, R22)."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import (
    CalendarAdminServiceStub,
    DebitConfigurationServiceStub,
    PlannedDebitServiceStub,
)
from crm.notifications import notifications_pb2
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import Scope, clock, within
from grpc import StatusCode
from service_calendar.debits import wanted
from service_calendar.models import VolumeThreshold
from service_calendar.plan import plan
from service_calendar.volumes import Volume, level, threshold_for
from service_kit.outgoing import EN_ATTENTE, NOTIFICATION, CommandeSortante
from service_kit.outgoing.sender import Sender
from service_testing import Mesh, eventually, refused
from sqlalchemy import bindparam, update
from tests.waiting import waits

INVALID = StatusCode.INVALID_ARGUMENT
DAY = "2026-04-07"

_DUE_NOW = (
    update(CommandeSortante)
    .where(CommandeSortante.etat == EN_ATTENTE)
    .values(prochain_essai=bindparam("now", type_=CommandeSortante.prochain_essai.type))
)


def threshold(societe_id: str = "", **limits: Any) -> VolumeThreshold:
    """A threshold as it is stored."""
    return VolumeThreshold(organisation_id="org", societe_id=societe_id, **limits)


def debit(rang: int, montant: float = 10, **fields: Any) -> pb.DebitToPlan:
    """A debit of a day of April, of the société soc-1."""
    usual = {"schedule_id": "ech", "client_id": "c", "societe_id": "soc-1", "planned_debit_date": DAY}
    return pb.DebitToPlan(**usual | {"rang": rang, "montant": montant} | fields)


async def planned(debits: PlannedDebitServiceStub, *lines: pb.DebitToPlan) -> None:
    """Have *lines* planned."""
    answer = await debits.Plan(pb.PlanDebitsRequest(debits=lines))
    assert {line.resultat for line in answer.lignes} <= {"CREE", "MIS_A_JOUR"}


async def day_of(debits: PlannedDebitServiceStub, date: str = DAY, societe_id: str = "") -> pb.CalendarDay:
    """What the view of April tells of a day."""
    view = await debits.GetCalendarView(pb.GetCalendarViewRequest(annee=2026, mois=4, societe_id=societe_id))
    return next(day for day in view.jours if day.date == date)


@pytest.mark.parametrize(
    ("nombre", "expected"),
    [(0, "LOW"), (49, "LOW"), (50, "MEDIUM"), (199, "MEDIUM"), (200, "HIGH"), (9999, "HIGH")],
)
def test_R21_without_a_threshold_debits_are_counted(nombre: int, expected: str) -> None:
    """And no day is critical."""
    assert level(Volume(nombre, Decimal(10**9)), None) == expected


@pytest.mark.parametrize(
    ("montant", "expected"),
    [
        ("0.00", "LOW"),
        ("4999.99", "LOW"),
        ("5000.00", "MEDIUM"),
        ("7999.99", "MEDIUM"),
        ("8000.00", "HIGH"),
        ("10000.00", "HIGH"),
        ("10000.01", "CRITICAL"),
    ],
)
def test_R21_levels_of_an_amount(montant: str, expected: str) -> None:
    """Below half, below four fifths, up to the threshold of 10 000.00 €, above it."""
    limit = threshold(max_montant=Decimal(10_000))
    assert level(Volume(1, Decimal(montant)), limit) == expected


@pytest.mark.parametrize(
    ("nombre", "montant", "expected"),
    [
        (4, "10", "LOW"),
        (5, "10", "MEDIUM"),
        (4, "80", "HIGH"),
        (11, "10", "CRITICAL"),
        (1, "101", "CRITICAL"),
    ],
)
def test_R21_the_worse_of_count_and_amount_counts(nombre: int, montant: str, expected: str) -> None:
    """Of ten debits and 100 €."""
    limit = threshold(max_nombre=10, max_montant=Decimal(100))
    assert level(Volume(nombre, Decimal(montant)), limit) == expected


def test_R21_a_societe_has_its_own_threshold_or_that_of_the_organisation() -> None:
    """One that is switched off, or says nothing, is as none."""
    ours, own = threshold(max_nombre=10), threshold("soc-1", max_nombre=5)
    assert threshold_for("soc-1", [ours, own]) is own
    assert threshold_for("soc-2", [ours, own]) is ours
    assert threshold_for("soc-1", [ours, threshold("soc-1", max_nombre=5, actif=False)]) is ours
    assert threshold_for("soc-2", [own]) is None
    assert threshold_for("soc-1", [threshold("soc-1")]) is None


async def test_R21_the_view_of_a_month(
    debits: PlannedDebitServiceStub,
    admin: CalendarAdminServiceStub,
    configurations: DebitConfigurationServiceStub,
) -> None:
    """Every day with what it is and how full; of all sociétés or of one, cancelled debits left out."""
    await admin.SaveVolumeThreshold(pb.SaveVolumeThresholdRequest(societe_id="soc-1", max_montant=100))
    await configurations.Save(
        pb.SaveDebitConfigurationRequest(
            niveau="SOCIETE", reference_id="soc-1", mode="FIXED_DAY", fixed_day=5, zone_code="FR-ALS"
        )
    )
    await planned(debits, debit(1, 40.5), debit(2, 60), debit(3, 7, societe_id=""), debit(4, 1000))
    await debits.UpdateStatus(
        pb.UpdatePlannedDebitStatusRequest(schedule_id="ech", rang=4, statut="CANCELLED")
    )
    view = await debits.GetCalendarView(pb.GetCalendarViewRequest(annee=2026, mois=4))
    assert [day.date for day in view.jours] == [f"2026-04-{number:02}" for number in range(1, 31)]
    expected = pb.CalendarDay(date=DAY, eligible=True, nb=3, montant=107.5, niveau="LOW")
    assert await day_of(debits) == expected
    expected = pb.CalendarDay(
        date=DAY, eligible=True, nb=2, montant=100.5, niveau="CRITICAL", depasse_seuil=True
    )
    assert await day_of(debits, societe_id="soc-1") == expected
    friday: dict[str, Any] = {"date": "2026-04-03", "niveau": "LOW"}
    assert await day_of(debits, "2026-04-03") == pb.CalendarDay(nom="Fermeture TARGET", **friday)
    assert await day_of(debits, "2026-04-03", "soc-1") == pb.CalendarDay(
        nom="Vendredi saint", ferie=True, **friday
    )
    assert await day_of(debits, "2026-04-04") == pb.CalendarDay(date="2026-04-04", weekend=True, niveau="LOW")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"annee": 2026, "mois": 0}, (INVALID, "DATE_INVALIDE")),
        ({"annee": 2026, "mois": 13}, (INVALID, "DATE_INVALIDE")),
        ({"mois": 4}, (INVALID, "DATE_INVALIDE")),
        ({"annee": 2026, "mois": 4, "societe_id": "a b"}, (INVALID, "FORMAT_INVALIDE")),
    ],
)
async def test_R21_months_that_are_none(
    debits: PlannedDebitServiceStub, fields: dict[str, Any], expected: tuple[StatusCode, str]
) -> None:
    """Are refused."""
    assert await refused(debits.GetCalendarView(pb.GetCalendarViewRequest(**fields))) == expected


async def test_R21_a_threshold_is_saved_once_per_societe(admin: CalendarAdminServiceStub, org: str) -> None:
    """Again, it is replaced; the organisation's has no société."""
    first = await admin.SaveVolumeThreshold(pb.SaveVolumeThresholdRequest(max_nombre=10))
    expected = pb.VolumeThreshold(
        id=first.id,
        organisation_id=org,
        max_nombre=10,
        actif=True,
        created_at=first.created_at,
        updated_at=first.created_at,
        version=1,
    )
    assert first == expected
    second = await admin.SaveVolumeThreshold(pb.SaveVolumeThresholdRequest(max_montant=99.99, actif=False))
    assert (second.id, second.HasField("max_nombre"), second.max_montant) == (first.id, False, 99.99)
    assert (second.actif, second.version) == (False, 2)
    own = await admin.SaveVolumeThreshold(pb.SaveVolumeThresholdRequest(societe_id="soc-1", max_nombre=1))
    assert own.id != first.id


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"max_nombre": 0}, "NOMBRE_HORS_LIMITES"),
        ({"max_nombre": -1}, "NOMBRE_HORS_LIMITES"),
        ({"max_montant": 0}, "MONTANT_INVALIDE"),
        ({"max_montant": -5}, "MONTANT_INVALIDE"),
        ({"max_montant": float("inf")}, "MONTANT_INVALIDE"),
        ({"societe_id": "a b"}, "FORMAT_INVALIDE"),
    ],
)
async def test_R21_thresholds_that_are_refused(
    admin: CalendarAdminServiceStub, fields: dict[str, Any], reason: str
) -> None:
    """What no day could keep."""
    call = admin.SaveVolumeThreshold(pb.SaveVolumeThresholdRequest(**fields))
    assert await refused(call) == (INVALID, reason)


async def told(mesh: Mesh, org: str) -> list[notifications_pb2.Notification]:
    """Send what calendar owes, and return what everybody of the organisation is shown."""
    await Sender(NOTIFICATION).send_due(mesh["calendar"].app)
    stub = mesh.stub(NotificationServiceStub, organisation=org)
    return list((await stub.List(notifications_pb2.ListNotificationsRequest())).notifications)


async def test_R22_a_day_that_becomes_too_full_is_told_once(
    mesh: Mesh, org: str, debits: PlannedDebitServiceStub, admin: CalendarAdminServiceStub
) -> None:
    """To the whole organisation, for each société and day."""
    await admin.SaveVolumeThreshold(pb.SaveVolumeThresholdRequest(max_montant=10_000))
    await planned(debits, debit(1, 8000), debit(2, 2000), debit(3, 9000, societe_id="soc-2"))
    assert await told(mesh, org) == []
    await planned(debits, debit(4, 0.01))
    (one,) = await told(mesh, org)
    assert (one.destinataire_type, one.type, one.niveau) == ("ORGANISATION", "ALERTE", "critique")
    assert one.message == (
        "3 prélèvements pour 10\u202f000,01\u00a0€ sont prévus le 07/04/2026, au-delà du seuil fixé."
    )
    assert dict(one.metadata) == {"societe_id": "soc-1", "date": DAY}
    await planned(debits, debit(5, 500))
    assert len(await told(mesh, org)) == 1
    await planned(
        debits, debit(6, 1001, societe_id="soc-2"), debit(7, 10_001, planned_debit_date="2026-04-08")
    )
    assert len(await told(mesh, org)) == 3


async def test_R22_plans_at_once_do_not_overlook_each_other(
    mesh: Mesh, org: str, debits: PlannedDebitServiceStub, admin: CalendarAdminServiceStub
) -> None:
    """A plan waits for one of its société that is not committed yet; neither is too much alone."""
    await admin.SaveVolumeThreshold(pb.SaveVolumeThresholdRequest(societe_id="soc-1", max_nombre=1))
    database = mesh.database("calendar")
    with within(Scope(org)):
        async with database.transaction() as tx:
            await plan(tx, org, wanted([debit(1)]))
            second = asyncio.ensure_future(planned(debits, debit(2)))
            await waits(database, second)
    await second
    assert len(await told(mesh, org)) == 1


async def test_R22_a_plan_never_waits_for_notifications(
    mesh: Mesh, org: str, debits: PlannedDebitServiceStub, admin: CalendarAdminServiceStub
) -> None:
    """While notifications is away the warning waits; it is told when notifications is back."""
    await admin.SaveVolumeThreshold(pb.SaveVolumeThresholdRequest(max_nombre=1))
    async with mesh.without("notifications"):
        await planned(debits, debit(1), debit(2))
        await Sender(NOTIFICATION).send_due(mesh["calendar"].app)

    async def arrived() -> bool:
        async with mesh.database("calendar").transaction() as tx:  # rather than wait five seconds
            await tx.execute(_DUE_NOW, now=clock.now())
        return len(await told(mesh, org)) == 1

    await eventually(arrived)
