"""PlannedDebitService: the plan of expected debits, and its volumes by day."""

import asyncio
from calendar import monthrange
from datetime import date, timedelta

from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import PlannedDebitServiceServicer
from db_utils import Conflict, Listing, Reader
from grpc_utils import Context, found, list_answer, opaque_id, page_of, to_message
from service_kit import App, Settings
from sqlalchemy import Date, bindparam, select

from service_calendar import debits, fields, reading, volumes
from service_calendar.business_days import Day
from service_calendar.models import PlannedDebit, VolumeThreshold
from service_calendar.plan import PLACE_TAKEN, THRESHOLDS, VOLUMES, Line, plan
from service_calendar.volumes import Volume

PLANNED_DEBITS = Listing(
    PlannedDebit,
    sorts=("planned_debit_date", "created_at", "montant"),
    filters={
        "date_from": lambda day: PlannedDebit.planned_debit_date >= day,
        "date_to": lambda day: PlannedDebit.planned_debit_date <= day,
        "societe_id": None,
        "client_id": None,
        "contrat_id": None,
        "statut": None,
    },
)
_ONE = (
    select(PlannedDebit)
    .where(
        PlannedDebit.organisation_id == bindparam("organisation_id"),
        PlannedDebit.schedule_id == bindparam("schedule_id"),
        PlannedDebit.rang == bindparam("rang"),
    )
    .with_for_update()
)
_OF_PERIOD = VOLUMES.where(
    PlannedDebit.planned_debit_date.between(bindparam("du", type_=Date), bindparam("au", type_=Date))
)
_OF_SOCIETE = _OF_PERIOD.where(PlannedDebit.societe_id == bindparam("societe_id"))


class PlannedDebitService(PlannedDebitServiceServicer):
    """Planned debits of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Plan(self, request: pb.PlanDebitsRequest, context: Context) -> pb.PlanDebitsResponse:
        """Plan debits, or plan them anew while they are not under way (R19)."""
        organisation = fields.organisation(request.organisation_id)
        asked = debits.wanted(request.debits)
        while True:
            try:
                async with self._db.transaction() as tx:
                    lines = await plan(tx, organisation, asked)
            except Conflict as conflict:
                if conflict.constraint != PLACE_TAKEN:
                    raise
                continue  # somebody has planned one of them meanwhile: it is there now
            return _answer(lines)

    async def UpdateStatus(
        self, request: pb.UpdatePlannedDebitStatusRequest, context: Context
    ) -> pb.PlannedDebit:
        """Move a planned debit on, with what was really debited (R20)."""
        schedule_id, rang = debits.named(request.schedule_id, request.rang)
        async with self._db.transaction() as tx:
            named = {"organisation_id": request.organisation_id, "schedule_id": schedule_id, "rang": rang}
            debit = found(await tx.one(_ONE, **named))
            await tx.update(debit, **debits.new_status(debit, request))
        return to_message(debit, pb.PlannedDebit)

    async def List(
        self, request: pb.ListPlannedDebitsRequest, context: Context
    ) -> pb.ListPlannedDebitsResponse:
        """List planned debits by day."""
        page = await page_of(
            PLANNED_DEBITS,
            self._db.read(),
            request,
            date_from=fields.optional_day(request.date_from, "date_from"),
            date_to=fields.optional_day(request.date_to, "date_to"),
        )
        return list_answer(pb.ListPlannedDebitsResponse, page)

    async def GetCalendarView(self, request: pb.GetCalendarViewRequest, context: Context) -> pb.CalendarView:
        """Show a month day by day: what each day is, and how full (R21)."""
        year, month = fields.month(request.annee, request.mois, ("annee", "mois"))
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        if fields.of_nobody(request.organisation_id):
            return pb.CalendarView()
        first, last = date(year, month, 1), date(year, month, monthrange(year, month)[1])
        reader, organisation = self._db.read(), request.organisation_id
        planned, thresholds, code = await asyncio.gather(
            _volumes(reader, organisation, societe_id, first, last),
            reader.all(THRESHOLDS, organisation_id=organisation),
            reading.zone_for(reader, organisation, "", societe_id),
        )
        calendar = await reading.calendar(reader, organisation, code, (first, last))
        threshold = volumes.threshold_for(societe_id, thresholds)
        days = [first + timedelta(days=number) for number in range(last.day)]
        jours = [_day(day, calendar.day(day), planned.get(day, Volume()), threshold) for day in days]
        return pb.CalendarView(jours=jours)


async def _volumes(
    reader: Reader, organisation_id: str, societe_id: str, first: date, last: date
) -> dict[date, Volume]:
    """The volumes of the days that have debits, of one société or of all."""
    named = {"organisation_id": organisation_id, "du": first, "au": last}
    rows = await (
        reader.all(_OF_SOCIETE, societe_id=societe_id, **named)
        if societe_id
        else reader.all(_OF_PERIOD, **named)
    )
    return {day: Volume(nombre, montant) for day, nombre, montant in rows}


def _answer(lines: list[Line]) -> pb.PlanDebitsResponse:
    results = [line.resultat for line in lines]
    return pb.PlanDebitsResponse(
        planned_debits=[to_message(line.debit, pb.PlannedDebit) for line in lines if line.debit is not None],
        nb_crees=results.count(debits.CREE),
        nb_mis_a_jour=results.count(debits.MIS_A_JOUR),
        lignes=map(_line, lines),
    )


def _line(line: Line) -> pb.PlannedLine:
    refusal = line.refusal
    return pb.PlannedLine(
        schedule_id=line.wanted.schedule_id,
        rang=line.wanted.rang,
        resultat=line.resultat,
        error_code=refusal.reason if refusal else "",
        error_message=refusal.message if refusal else "",
    )


def _day(day: date, kind: Day, volume: Volume, threshold: VolumeThreshold | None) -> pb.CalendarDay:
    niveau = volumes.level(volume, threshold)
    return pb.CalendarDay(
        date=day.isoformat(),
        eligible=kind.eligible,
        weekend=kind.weekend,
        ferie=bool(kind.nom),
        nom=kind.label,
        nb=volume.nombre,
        montant=float(volume.montant),
        niveau=niveau,
        depasse_seuil=niveau == volumes.CRITICAL,
    )
