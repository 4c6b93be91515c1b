"""Planned days and the calendar service: its word, its absence, and what is made good afterwards (R5)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from crm.calendar.calendar_pb2 import CreateHolidayRequest
from crm.calendar.calendar_pb2_grpc import HolidayServiceStub
from db_utils import Scope, within
from db_utils.clock import frozen_at
from grpc_utils import timestamp
from service_kit import AGAIN
from service_relance.calendrier import eligible, eligible_days, plus_business_days, recompute_marked
from service_relance.models import Relance
from service_relance.rules import Jour
from service_testing import Mesh, eventually
from sqlalchemy import select
from tests.rappels import confirmed, issued, planned, without

NOON = datetime(2026, 3, 5, 11, tzinfo=UTC)
MARCH = timestamp(datetime(2026, 3, 5, 12, tzinfo=UTC))
WITHOUT = [(date(2026, 3, 20), True), (date(2026, 4, 6), True), (date(2026, 4, 20), True)]
CONFIRMED = [(date(2026, 3, 20), False), (date(2026, 4, 7), False), (date(2026, 4, 20), False)]


async def days(mesh: Mesh, org: str) -> list[tuple[date, bool]]:
    """Planned days of *org*, the earliest first, and whether they wait for the calendar."""
    statement = (
        select(Relance.date_prevue, Relance.a_recalculer)
        .where(Relance.organisation_id == org)
        .order_by(Relance.date_prevue)
    )
    return list(await mesh.database("relance").read().all(statement))


async def chosen(mesh: Mesh, org: str, day: date) -> date:
    """Day that the calendar makes of *day*, however slow it is."""

    async def answered() -> Jour | None:
        with within(Scope(org)):
            jour = await eligible(mesh["relance"].app, "", day)
        return None if jour.a_recalculer else jour

    jour = await eventually(answered, timeout=90)
    assert jour is not None
    return jour.date


@pytest.mark.parametrize(
    ("day", "shifted"),
    [
        (date(2026, 2, 20), date(2026, 2, 20)),
        (date(2026, 3, 7), date(2026, 3, 9)),
        (date(2026, 3, 22), date(2026, 3, 23)),
        (date(2026, 4, 4), date(2026, 4, 7)),
        (date(2026, 4, 19), date(2026, 4, 20)),
        (date(2026, 5, 1), date(2026, 5, 4)),
        # The calendar knows the years 2000 to 2099: outside them there are weekends alone.
        (date(2100, 1, 2), date(2100, 1, 4)),
    ],
)
async def test_R05_the_calendar_chooses_the_day(mesh: Mesh, org: str, day: date, shifted: date) -> None:
    """The day itself, or the next one on which people may be reminded."""
    assert await chosen(mesh, org, day) == shifted


async def test_R05_a_holiday_that_people_entered_counts(mesh: Mesh, org: str) -> None:
    """A closing day of the organisation moves its reminders, and those of nobody else."""
    holidays = mesh.stub(HolidayServiceStub, organisation=org)
    await holidays.Create(
        CreateHolidayRequest(zone_code="FR", date="2026-02-20", nom="Inventaire", type="COMPANY")
    )
    ours, theirs = [await chosen(mesh, one, date(2026, 2, 20)) for one in (org, f"{org}-autre")]
    assert (ours, theirs) == (date(2026, 2, 23), date(2026, 2, 20))


async def test_R05_business_days_are_counted_by_the_calendar_or_from_monday_to_friday(
    mesh: Mesh, org: str
) -> None:
    """Two business days after Good Friday are the Wednesday after Easter; alone we count the Tuesday."""
    app = mesh["relance"].app
    with within(Scope(org)):
        async with without(mesh, "calendar"):
            alone = await plus_business_days(app, "", date(2026, 4, 3), 2)
            same = await plus_business_days(app, "", date(2026, 4, 4), 0)

    async def counted() -> bool:
        with within(Scope(org)):
            return await plus_business_days(app, "", date(2026, 4, 3), 2) == Jour(date(2026, 4, 8))

    await eventually(counted, timeout=90)
    assert (alone, same) == (
        Jour(date(2026, 4, 7), a_recalculer=True),
        Jour(date(2026, 4, 6), a_recalculer=True),
    )


async def test_R05_days_chosen_without_the_calendar_are_made_good(mesh: Mesh, org: str) -> None:
    """They are marked, keep their weekday while the calendar is away, and move once it is back."""
    app = mesh["relance"].app
    async with without(mesh, "calendar"):
        await mesh.deliver(issued(organisation_id=org, date_echeance=MARCH))
        assert await days(mesh, org) == WITHOUT
        assert await recompute_marked(app) is AGAIN
        assert await days(mesh, org) == WITHOUT
    await confirmed(mesh, org)
    assert await days(mesh, org) == CONFIRMED


async def test_R05_invoices_of_one_minute_share_the_answers_of_the_calendar(mesh: Mesh, org: str) -> None:
    """Those of a second invoice are known although the calendar is away, and asked anew a minute later."""
    app, day = mesh["relance"].app, date(2026, 4, 4)

    async def asked() -> Jour:
        with within(Scope(org)):
            return (await eligible_days(app, "", [day]))[day]

    async def answered() -> bool:
        return await asked() == Jour(date(2026, 4, 7))

    with frozen_at(NOON):
        await eventually(answered, timeout=90)
    async with without(mesh, "calendar"):
        with frozen_at(NOON + timedelta(seconds=59)):
            remembered = await asked()
        with frozen_at(NOON + timedelta(seconds=60)):
            anew = await asked()
    assert (remembered, anew) == (Jour(date(2026, 4, 7)), Jour(date(2026, 4, 6), a_recalculer=True))


async def test_R05_a_reminder_that_has_ended_keeps_its_day(mesh: Mesh, org: str) -> None:
    """Only what is still planned is moved."""
    await planned(mesh, org, {"statut": "ANNULEE", "date_prevue": date(2026, 4, 6), "a_recalculer": True})
    await recompute_marked(mesh["relance"].app)
    assert await days(mesh, org) == [(date(2026, 4, 6), True)]
