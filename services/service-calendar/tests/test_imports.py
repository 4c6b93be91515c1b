"""CalendarAdminService: files that are analysed, confirmed, or applied at once (R24)."""

import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import (
    CalendarAdminServiceStub,
    DebitConfigurationServiceStub,
    HolidayServiceStub,
)
from db_utils import clock, uuid7
from grpc import StatusCode
from service_calendar.imports import PURGE
from service_calendar.models import CsvImport, DebitConfiguration
from service_testing import Mesh, refusal, refused
from service_testing.refusals import read
from tests.waiting import waits

FAILED = StatusCode.FAILED_PRECONDITION
HEADER = "niveau;reference_id;mode;batch;fixed_day;shift_strategy;zone_code\n"
CONFIGS = HEADER + "SOCIETE;soc-1;FIXED_DAY;;5;;FR\nCLIENT;c-9;BATCH;L2;;;\n"
DAYS = "zone_code;date;nom;type;recurrent\nFR;2026-07-10;Pont;COMPANY;\n"
WRONG = CONFIGS + "CONTRAT;k-1;BATCH;;;;\n"


def file(content: str = CONFIGS, kind: str = "DEBIT_CONFIG", **fields: Any) -> pb.ImportCsvRequest:
    """The request to import a file."""
    return pb.ImportCsvRequest(type=kind, content=content.encode(), **fields)


def confirm(import_id: str) -> pb.ConfirmCsvImportRequest:
    """The request to confirm an import."""
    return pb.ConfirmCsvImportRequest(import_id=import_id)


async def saved(configurations: DebitConfigurationServiceStub) -> dict[str, tuple[str, int]]:
    """Lot or fixed day, and version, of all configurations by their reference."""
    listed = (await configurations.List(pb.ListDebitConfigurationsRequest())).configurations
    return {row.reference_id: (row.batch or str(row.fixed_day), row.version) for row in listed}


async def test_R24_an_analysis_writes_nothing_until_it_is_confirmed(
    admin: CalendarAdminServiceStub, configurations: DebitConfigurationServiceStub
) -> None:
    """Then all of it."""
    analysis = await admin.ImportCsv(file())
    expected = pb.ImportCsvResponse(
        import_id=analysis.import_id,
        total=2,
        valides=2,
        apercu=[pb.CsvPreview(ligne=2, action="CREATE"), pb.CsvPreview(ligne=3, action="CREATE")],
        statut="ANALYSE",
    )
    assert analysis == expected
    assert await saved(configurations) == {}
    done = await admin.ConfirmCsvImport(confirm(analysis.import_id))
    assert done == pb.ConfirmCsvImportResponse(crees=2)
    assert await saved(configurations) == {"soc-1": ("5", 1), "c-9": ("L2", 1)}


async def test_R24_what_changes_nothing_is_left_alone(
    admin: CalendarAdminServiceStub, configurations: DebitConfigurationServiceStub
) -> None:
    """And what a file does not speak of stays as it is."""
    await configurations.Save(
        pb.SaveDebitConfigurationRequest(
            niveau="SOCIETE", reference_id="soc-1", mode="BATCH", batch="L1", lead_days=4, cutoff_time="09:00"
        )
    )
    await configurations.Save(
        pb.SaveDebitConfigurationRequest(niveau="CLIENT", reference_id="c-9", mode="BATCH", batch="L2")
    )
    analysis = await admin.ImportCsv(file(CONFIGS + "CONTRAT;k-1;BATCH;L4;;;\n"))
    assert [one.action for one in analysis.apercu] == ["UPDATE", "SKIP", "CREATE"]
    done = await admin.ConfirmCsvImport(confirm(analysis.import_id))
    assert done == pb.ConfirmCsvImportResponse(crees=1, mis_a_jour=1, ignores=1)
    assert await saved(configurations) == {"soc-1": ("5", 2), "c-9": ("L2", 1), "k-1": ("L4", 1)}
    found = await configurations.Get(pb.GetDebitConfigurationRequest(niveau="SOCIETE", reference_id="soc-1"))
    assert (found.lead_days, found.cutoff_time, found.zone_code) == (4, "09:00", "FR")


async def test_R24_a_file_with_a_fault_is_not_applied(
    admin: CalendarAdminServiceStub, configurations: DebitConfigurationServiceStub
) -> None:
    """Its analysis names the line; neither confirmation nor a run without a dry run writes any line."""
    analysis = await admin.ImportCsv(file(WRONG))
    error = pb.CsvError(
        ligne=4,
        colonne="batch",
        code="BATCH_REQUIRED",
        message="Le mode BATCH demande un lot : L1, L2, L3 ou L4 (champ : batch).",
    )
    assert (list(analysis.erreurs), analysis.total, analysis.valides) == ([error], 3, 2)
    told = await refused(admin.ConfirmCsvImport(confirm(analysis.import_id)))
    assert told == (FAILED, "IMPORT_EN_ERREUR")
    at_once = await refusal(admin.ImportCsv(file(WRONG, dry_run=False)))
    assert (at_once.code, at_once.reason, at_once.metadata) == (
        FAILED,
        "IMPORT_EN_ERREUR",
        {"nb_erreurs": "1", "ligne": "4"},
    )
    assert await saved(configurations) == {}


async def test_R24_without_a_dry_run_a_file_is_applied_at_once(
    admin: CalendarAdminServiceStub, holidays: HolidayServiceStub
) -> None:
    """And is confirmed by that; the same file again skips every line."""
    done = await admin.ImportCsv(file(DAYS, "HOLIDAYS", dry_run=False))
    assert (done.statut, [one.action for one in done.apercu]) == ("CONFIRME", ["CREATE"])
    listed = (await holidays.List(pb.ListHolidaysRequest(annee=2026))).holidays
    assert [(one.date, one.nom, one.type) for one in listed if one.origine == "SAISI"] == [
        ("2026-07-10", "Pont", "COMPANY")
    ]
    told = await refused(admin.ConfirmCsvImport(confirm(done.import_id)))
    assert told == (FAILED, "IMPORT_DEJA_CONFIRME")
    again = await admin.ImportCsv(file(DAYS, "HOLIDAYS", dry_run=False))
    assert [one.action for one in again.apercu] == ["SKIP"]


async def test_R24_an_import_is_confirmed_once(
    admin: CalendarAdminServiceStub, configurations: DebitConfigurationServiceStub
) -> None:
    """Of five confirmations at once four are refused, also when there is nothing to change."""
    for _ in range(2):
        analysis = await admin.ImportCsv(file())
        calls = (admin.ConfirmCsvImport(confirm(analysis.import_id)) for _ in range(5))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        lost = [read(one).reason for one in answers if isinstance(one, grpc.aio.AioRpcError)]
        assert lost == ["IMPORT_DEJA_CONFIRME"] * 4
        assert await saved(configurations) == {"soc-1": ("5", 1), "c-9": ("L2", 1)}


@pytest.mark.parametrize("at_once", [True, False], ids=["applied", "confirmed"])
async def test_R24_a_row_that_somebody_else_writes_meanwhile_is_changed(
    mesh: Mesh,
    org: str,
    admin: CalendarAdminServiceStub,
    configurations: DebitConfigurationServiceStub,
    at_once: bool,
) -> None:
    """The import waits for the other one's end, and does what is left to do."""
    database, analysis = mesh.database("calendar"), await admin.ImportCsv(file())
    other: dict[str, Any] = {
        "niveau": "SOCIETE",
        "reference_id": "soc-1",
        "mode": "FIXED_DAY",
        "fixed_day": 9,
    }
    async with database.transaction() as tx:
        await tx.insert(DebitConfiguration(organisation_id=org, **other))
        await tx.flush()
        asked = admin.ImportCsv(file(dry_run=False)) if at_once else None
        call = asyncio.ensure_future(asked or admin.ConfirmCsvImport(confirm(analysis.import_id)))
        await waits(database, call)
    await call
    assert await saved(configurations) == {"soc-1": ("5", 2), "c-9": ("L2", 1)}


async def test_R24_an_analysis_is_good_for_24_hours(
    mesh: Mesh, org: str, admin: CalendarAdminServiceStub
) -> None:
    """Not a second longer."""
    with clock.frozen_at(clock.now()):
        analysis, now = await admin.ImportCsv(file()), clock.now()
    day = timedelta(hours=24)
    with clock.frozen_at(now + day):
        later = mesh.stub(CalendarAdminServiceStub, organisation=org)
        told = await refused(later.ConfirmCsvImport(confirm(analysis.import_id)))
    assert told == (FAILED, "IMPORT_EXPIRE")
    with clock.frozen_at(now + day - timedelta(seconds=1)):
        assert (await later.ConfirmCsvImport(confirm(analysis.import_id))).crees == 2


async def test_R24_imports_are_forgotten_after_a_month(mesh: Mesh, admin: CalendarAdminServiceStub) -> None:
    """The job deletes what could no longer be confirmed for 30 days."""
    analysis = await admin.ImportCsv(file())
    database, app = mesh.database("calendar"), mesh["calendar"].app
    left = []
    for days in (30, 32):
        with clock.frozen_at(clock.now() + timedelta(days=days)):
            await PURGE.run(app)
        left.append(await database.read().get(CsvImport, analysis.import_id) is not None)
    assert left == [True, False]


async def test_R24_imports_of_others_do_not_exist(
    admin: CalendarAdminServiceStub, foreign_admin: CalendarAdminServiceStub
) -> None:
    """Nor do those that never were."""
    analysis = await admin.ImportCsv(file())
    for import_id in (analysis.import_id, str(uuid7()), "x", ""):
        told = await refused(foreign_admin.ConfirmCsvImport(confirm(import_id)))
        assert told == (StatusCode.NOT_FOUND, "INTROUVABLE")


@pytest.mark.parametrize(
    ("request_", "reason", "champ"),
    [
        (file(kind=""), "CHAMP_REQUIS", "type"),
        (file(kind="CLIENTS"), "VALEUR_INCONNUE", "type"),
        (file(""), "CHAMP_REQUIS", "content"),
        (pb.ImportCsvRequest(type="HOLIDAYS", content=b"\xff\xfe"), "FORMAT_INVALIDE", "content"),
    ],
)
async def test_R23_R24_imports_that_are_refused(
    admin: CalendarAdminServiceStub, request_: pb.ImportCsvRequest, reason: str, champ: str
) -> None:
    """Unknown types, and what is no file."""
    told = await refusal(admin.ImportCsv(request_))
    assert (told.code, told.reason, told.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )


async def test_R24_many_lines_are_applied_like_few(
    admin: CalendarAdminServiceStub, configurations: DebitConfigurationServiceStub
) -> None:
    """Created, then changed, with the next version and a line in the journal for each."""
    lines = "".join(f"CONTRAT;k-{n};BATCH;L1;;;\n" for n in range(500))
    for text, expected in (
        (lines, pb.ConfirmCsvImportResponse(crees=500)),
        (lines.replace("L1", "L2"), pb.ConfirmCsvImportResponse(mis_a_jour=500)),
    ):
        analysis = await admin.ImportCsv(file(HEADER + text))
        assert await admin.ConfirmCsvImport(confirm(analysis.import_id)) == expected
    found = await configurations.Get(pb.GetDebitConfigurationRequest(niveau="CONTRAT", reference_id="k-499"))
    assert (found.batch, found.version) == ("L2", 2)
    last, first = (await admin.GetAuditLogs(pb.GetAuditLogsRequest(entity_id=found.id))).logs
    assert (last.avant, last.apres["batch"], last.apres["version"]) == (first.apres, "L2", 2)
    assert last.apres["updated_at"] == found.updated_at.ToDatetime().isoformat() + "+00:00"
