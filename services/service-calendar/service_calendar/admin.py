"""CalendarAdminService: files, thresholds of volumes, the journal of changes."""

from collections import Counter
from datetime import timedelta

from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import CalendarAdminServiceServicer
from db_utils import Conflict, Listing, clock
from grpc_utils import Context, found, list_answer, one_of, page_of, required, to_message
from service_kit import App, Settings

from service_calendar import audit, fields, imports, rules
from service_calendar.csv_files import Fault
from service_calendar.csv_lines import KINDS
from service_calendar.imports import SKIP, Analysis
from service_calendar.models import ANALYSE, CONFIRME, CREATE, UPDATE, CalendarAudit, CsvImport
from service_calendar.saving import put

AUDIT_LOGS = Listing(
    CalendarAudit,
    sorts=("at desc",),
    filters={
        "entity_type": None,
        "entity_id": None,
        "acteur": None,
        "du": lambda instant: CalendarAudit.at >= instant,
        "avant": lambda instant: CalendarAudit.at < instant,
    },
)
_LIMITS = ("max_nombre", "max_montant", "actif")


class CalendarAdminService(CalendarAdminServiceServicer):
    """What administrators of the caller's organisation do."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def ImportCsv(self, request: pb.ImportCsvRequest, context: Context) -> pb.ImportCsvResponse:
        """Analyse a file and keep the analysis; without a dry run, apply it at once (R23, R24)."""
        organisation = fields.organisation(request.organisation_id)
        kind = one_of(request.type, KINDS, "type")
        if not request.content:
            required("", "content")
        reader = self._db.read()
        analysis = await imports.analysed(reader, organisation, kind, request.content)
        if request.HasField("dry_run") and not request.dry_run:
            return await self._import(organisation, analysis)
        actions = await imports.actions(reader, organisation, analysis)
        async with self._db.transaction() as tx:
            row = await tx.insert(imports.stored(organisation, analysis, statut=ANALYSE))
        return _import_answer(row, analysis, actions)

    async def ConfirmCsvImport(
        self, request: pb.ConfirmCsvImportRequest, context: Context
    ) -> pb.ConfirmCsvImportResponse:
        """Apply an analysed file, whole and once (R24)."""
        while True:
            try:
                async with self._db.transaction() as tx:
                    row = found(await tx.get(CsvImport, request.import_id, lock=True))
                    done = Counter((await imports.confirm(tx, row)).values())
            except Conflict:
                continue  # somebody wrote one of its new rows meanwhile: now it is there to be changed
            return pb.ConfirmCsvImportResponse(
                crees=done[CREATE], mis_a_jour=done[UPDATE], ignores=done[SKIP]
            )

    async def SaveVolumeThreshold(
        self, request: pb.SaveVolumeThresholdRequest, context: Context
    ) -> pb.VolumeThreshold:
        """Set the threshold of a société or of the organisation (R21)."""
        async with self._db.transaction() as tx:
            saved = await put(tx, rules.new_threshold(request), ("organisation_id", "societe_id"), _LIMITS)
        return to_message(saved, pb.VolumeThreshold)

    async def GetAuditLogs(
        self, request: pb.GetAuditLogsRequest, context: Context
    ) -> pb.GetAuditLogsResponse:
        """List changes, the latest first; days are those of Paris (R25)."""
        first = fields.optional_day(request.date_from, "date_from")
        last = fields.optional_day(request.date_to, "date_to")
        page = await page_of(
            AUDIT_LOGS,
            self._db.read(),
            request,
            du=first and clock.midnight(first),
            avant=last and clock.midnight(last + timedelta(days=1)),
        )
        return list_answer(pb.GetAuditLogsResponse, page)

    async def _import(self, organisation: str, analysis: Analysis) -> pb.ImportCsvResponse:
        """Apply a file at once; with a fault in it nothing is written. Raises ImportEnErreur."""
        if analysis.faults:
            first = analysis.faults[0]
            raise imports.ImportEnErreur(nb_erreurs=str(len(analysis.faults)), ligne=str(first.line))
        while True:
            try:
                async with self._db.transaction() as tx:
                    actions = await imports.apply(tx, organisation, analysis.type, analysis.rows)
                    row = await tx.insert(imports.stored(organisation, analysis, statut=CONFIRME))
                    await audit.confirmed(tx, row, None)
            except Conflict:
                continue  # as in ConfirmCsvImport
            return _import_answer(row, analysis, actions)


def _import_answer(row: CsvImport, analysis: Analysis, actions: dict[int, str]) -> pb.ImportCsvResponse:
    return pb.ImportCsvResponse(
        import_id=str(row.id),
        total=analysis.total,
        valides=len(analysis.rows),
        erreurs=map(_error, analysis.faults),
        apercu=[pb.CsvPreview(ligne=number, action=action) for number, action in actions.items()],
        statut=row.statut,
    )


def _error(fault: Fault) -> pb.CsvError:
    return pb.CsvError(
        ligne=fault.line,
        colonne=fault.column,
        valeur=fault.shown,
        code=fault.refusal.reason,
        message=fault.refusal.message,
    )
