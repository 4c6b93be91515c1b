"""The journal of changes (R25)."""

from datetime import datetime
from typing import Any

import psycopg
import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import (
    CalendarAdminServiceStub,
    DebitConfigurationServiceStub,
    HolidayServiceStub,
)
from db_utils import clock
from service_testing import Mesh

FIFTH: dict[str, Any] = {"niveau": "SOCIETE", "reference_id": "soc-1", "mode": "FIXED_DAY", "fixed_day": 5}
DAYS = b"zone_code;date;nom;type;recurrent\nFR;2026-07-10;Pont;COMPANY;\n"


async def logs(admin: CalendarAdminServiceStub, **asked: Any) -> list[pb.AuditLog]:
    """The journal, the latest line first."""
    return list((await admin.GetAuditLogs(pb.GetAuditLogsRequest(**asked))).logs)


async def actions(admin: CalendarAdminServiceStub, **asked: Any) -> list[tuple[str, str, str]]:
    """Entity, action and source of its lines, the first one first."""
    return [(one.entity_type, one.action, one.source) for one in reversed(await logs(admin, **asked))]


async def test_R25_every_change_has_a_line(
    admin: CalendarAdminServiceStub,
    configurations: DebitConfigurationServiceStub,
    holidays: HolidayServiceStub,
) -> None:
    """Save, Create, Update, Delete; what changes nothing has none."""
    saved = [
        await configurations.Save(pb.SaveDebitConfigurationRequest(**FIFTH | {"fixed_day": day}))
        for day in (5, 5, 6)
    ]
    await configurations.Delete(pb.DeleteDebitConfigurationRequest(id=saved[0].id))
    await configurations.Delete(pb.DeleteDebitConfigurationRequest(id=saved[0].id))
    await holidays.CreateZone(pb.CreateHolidayZoneRequest(code="SIEGE", nom="Siège"))
    day = await holidays.Create(pb.CreateHolidayRequest(zone_code="SIEGE", date="2026-07-10", nom="Pont"))
    await holidays.Update(pb.UpdateHolidayRequest(id=day.id, nom="Pont"))
    await holidays.Update(pb.UpdateHolidayRequest(id=day.id, nom="Fermeture"))
    await holidays.Delete(pb.DeleteHolidayRequest(id=day.id))
    await admin.SaveVolumeThreshold(pb.SaveVolumeThresholdRequest(max_nombre=3))
    assert await actions(admin) == [
        ("debit_configuration", "CREATE", "UI"),
        ("debit_configuration", "UPDATE", "UI"),
        ("debit_configuration", "DELETE", "UI"),
        ("holiday_zone", "CREATE", "UI"),
        ("holiday", "CREATE", "UI"),
        ("holiday", "UPDATE", "UI"),
        ("holiday", "DELETE", "UI"),
        ("volume_threshold", "CREATE", "UI"),
    ]


async def test_R25_a_line_tells_who_changed_what(
    mesh: Mesh, org: str, admin: CalendarAdminServiceStub
) -> None:
    """With the row before and after it; a service is named as one."""
    marie = mesh.stub(DebitConfigurationServiceStub, organisation=org, user="marie")
    payments = mesh.service_stub(DebitConfigurationServiceStub, caller="notifications", organisation=org)
    first = await marie.Save(pb.SaveDebitConfigurationRequest(**FIFTH, cutoff_time="09:30"))
    await payments.Save(pb.SaveDebitConfigurationRequest(**FIFTH | {"fixed_day": 6}))
    second, created = await logs(admin, entity_type="debit_configuration", entity_id=first.id)
    assert (created.acteur, created.source, created.HasField("avant")) == ("marie", "UI", False)
    assert (second.acteur, second.source, second.action) == ("service:notifications", "API", "UPDATE")
    said = ("fixed_day", "cutoff_time", "version", "reference_id")
    assert (
        [second.avant[name] for name in said] == [5, "09:30", 1, "soc-1"] == [created.apres[n] for n in said]
    )
    assert [second.apres[name] for name in said] == [6, None, 2, "soc-1"]
    assert [one.id for one in await logs(admin, acteur="marie")] == [created.id]


async def test_R25_a_file_is_noted_line_by_line(admin: CalendarAdminServiceStub) -> None:
    """And its confirmation too, without its lines."""
    analysis = await admin.ImportCsv(pb.ImportCsvRequest(type="HOLIDAYS", content=DAYS))
    assert await actions(admin) == []
    await admin.ConfirmCsvImport(pb.ConfirmCsvImportRequest(import_id=analysis.import_id))
    assert await actions(admin) == [("holiday", "CREATE", "CSV"), ("csv_import", "CONFIRM", "UI")]
    confirmed, _ = await logs(admin)
    assert (confirmed.avant["statut"], confirmed.apres["statut"]) == ("ANALYSE", "CONFIRME")
    assert "lignes" not in confirmed.apres
    await admin.ImportCsv(
        pb.ImportCsvRequest(type="HOLIDAYS", content=DAYS.replace(b"Pont", b"Autre"), dry_run=False)
    )
    assert (await actions(admin))[2:] == [("holiday", "UPDATE", "CSV"), ("csv_import", "CONFIRM", "UI")]


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-07-14T21:59:00+00:00", "2026-07-14"),  # 23:59 in Paris
        ("2026-07-14T22:01:00+00:00", "2026-07-15"),
        ("2026-12-31T22:59:00+00:00", "2026-12-31"),
        ("2026-12-31T23:01:00+00:00", "2027-01-01"),
        ("2026-03-28T23:01:00+00:00", "2026-03-29"),  # a day of 23 hours
        ("2026-03-29T21:59:00+00:00", "2026-03-29"),
        ("2026-03-29T22:01:00+00:00", "2026-03-30"),
        ("2026-10-24T22:01:00+00:00", "2026-10-25"),  # a day of 25 hours
        ("2026-10-25T22:59:00+00:00", "2026-10-25"),
        ("2026-10-25T23:01:00+00:00", "2026-10-26"),
    ],
)
async def test_R25_days_of_the_journal_are_those_of_paris(
    mesh: Mesh, org: str, admin: CalendarAdminServiceStub, instant: str, day: str
) -> None:
    """Up to midnight, in summer, in winter and on the days when the clocks change."""
    with clock.frozen_at(datetime.fromisoformat(instant)):
        assert clock.today().isoformat() == day
        then = mesh.stub(DebitConfigurationServiceStub, organisation=org)
        await then.Save(pb.SaveDebitConfigurationRequest(**FIFTH))
    date = datetime.fromisoformat(day).date()
    around = [date.fromordinal(date.toordinal() + step).isoformat() for step in (-1, 0, 1)]
    found = [len(await logs(admin, date_from=one, date_to=one)) for one in around]
    assert found == [0, 1, 0]


async def test_R25_the_journal_of_others_does_not_exist(
    admin: CalendarAdminServiceStub,
    foreign_admin: CalendarAdminServiceStub,
    configurations: DebitConfigurationServiceStub,
) -> None:
    """Whatever is asked for."""
    saved = await configurations.Save(pb.SaveDebitConfigurationRequest(**FIFTH))
    assert len(await logs(admin, entity_id=saved.id)) == 1
    assert await logs(foreign_admin, entity_id=saved.id) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE calendar_audit SET acteur = 'x'", "DELETE FROM calendar_audit"]
)
async def test_R25_a_line_is_neither_changed_nor_deleted(
    mesh: Mesh, configurations: DebitConfigurationServiceStub, statement: str
) -> None:
    """By nobody: the database refuses."""
    await configurations.Save(pb.SaveDebitConfigurationRequest(**FIFTH))
    async with mesh.database("calendar").session() as session:
        with pytest.raises(psycopg.errors.RaiseException, match="only ever added to"):
            await session.execute(statement.encode())
