"""CalendarEngineService: debit dates and business days. It only reads (R18)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta

from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import CalendarEngineServiceServicer
from grpc_utils import Context, opaque_id, required
from grpc_utils.errors import InvalidArgument, Refusal
from service_kit import App, Settings

from service_calendar import answers, fields, reading
from service_calendar.business_days import NoEligibleDateFound, ZoneCalendar
from service_calendar.planning import Planned, Question, Reference, planned
from service_calendar.resolution import Resolved

_MOST_DAYS = 250
_LEAD_STEPS = 31  # business days that a lead time and a cut-off take at most
_ONE_DAY = timedelta(days=1)
_MONTH = ("target_year", "target_month")

Outcome = Planned | Refusal


class ReferenceEnDouble(InvalidArgument):
    """Deux entrées du lot ont la même référence."""


class CalendarEngineService(CalendarEngineServiceServicer):
    """Questions about days, answered for the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def CalculatePlannedDate(
        self, request: pb.CalculatePlannedDateRequest, context: Context
    ) -> pb.PlannedDate:
        """Find the day of a month's debit (R10 to R15), with the steps to it if asked (R17)."""
        question = _question(request, fields.reference(request.reference_date, "reference_date"))
        (outcome,) = await self._planned(request.organisation_id, [question])
        if isinstance(outcome, Refusal):
            raise outcome
        return answers.planned_date(outcome, traced=request.include_resolution_trace)

    async def CalculatePlannedDatesBatch(
        self, request: pb.CalculatePlannedDatesBatchRequest, context: Context
    ) -> pb.CalculatePlannedDatesBatchResponse:
        """Find the days of many debits; an input that is refused fails alone."""
        _check_refs(request.inputs)
        outcomes = await self._planned(
            request.organisation_id, list(map(_question_or_refusal, request.inputs))
        )
        results = [
            answers.result(one.ref, outcome) for one, outcome in zip(request.inputs, outcomes, strict=True)
        ]
        succeeded = sum(result.success for result in results)
        return pb.CalculatePlannedDatesBatchResponse(
            results=results,
            total_count=len(results),
            success_count=succeeded,
            error_count=len(results) - succeeded,
        )

    async def CheckDateEligibility(
        self, request: pb.CheckDateEligibilityRequest, context: Context
    ) -> pb.DateEligibility:
        """Tell whether a day is eligible, and the eligible days on both sides of it (R5, R9, R18)."""
        day = fields.day(request.date, "date")
        calendar = await self._calendar(request, day)
        around = _or_none(calendar.next, day + _ONE_DAY), _or_none(calendar.former, day - _ONE_DAY)
        return answers.eligibility(calendar.day(day), *around)

    async def AddBusinessDays(
        self, request: pb.AddBusinessDaysRequest, context: Context
    ) -> pb.AddBusinessDaysResponse:
        """Count eligible days from a day, forwards or backwards (R16)."""
        day = fields.day(request.date, "date")
        days = fields.bounded(request.days, -_MOST_DAYS, _MOST_DAYS, "days")
        calendar = await self._calendar(request, day, steps=abs(days))
        return pb.AddBusinessDaysResponse(date=calendar.add(day, days).isoformat())

    async def _planned(self, organisation_id: str, asked: Sequence[Question | Refusal]) -> list[Outcome]:
        """The answer to each question, in as many statements for all of them as for one."""
        organisation, reader = fields.organisation(organisation_id), self._db.read()
        questions = [one for one in asked if isinstance(one, Question)]
        if not questions:
            return [one for one in asked if isinstance(one, Refusal)]
        configured = await reading.configurations(reader, organisation, {one.references for one in questions})
        codes = {configured.resolve(one.references).zone_code for one in questions}
        calendars = await reading.calendars(
            reader, organisation, codes, list(_days(questions)), steps=_LEAD_STEPS
        )
        return [
            one if isinstance(one, Refusal) else _outcome(one, configured.resolve(one.references), calendars)
            for one in asked
        ]

    async def _calendar(
        self,
        request: pb.CheckDateEligibilityRequest | pb.AddBusinessDaysRequest,
        day: date,
        *,
        steps: int = 1,
    ) -> ZoneCalendar:
        """The calendar that *request* names, by a zone or by a société (R18). Raises Introuvable."""
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        organisation, reader = fields.organisation(request.organisation_id), self._db.read()
        code = await reading.zone_for(reader, organisation, request.zone_code, societe_id)
        return await reading.calendar(reader, organisation, code, (day,), steps=steps)


def _question(
    asked: pb.CalculatePlannedDateRequest | pb.PlannedDateInput, reference: Reference | None = None
) -> Question:
    """What a request or an input asks. Raises DateInvalide, FormatInvalide."""
    year, month = fields.month(asked.target_year, asked.target_month, _MONTH)
    references = fields.references(asked.contrat_id, asked.client_id, asked.societe_id)
    return Question(year, month, references, fields.optional_day(asked.min_date, "min_date"), reference)


def _question_or_refusal(asked: pb.PlannedDateInput) -> Question | Refusal:
    try:
        return _question(asked)
    except Refusal as refusal:
        return refusal


def _outcome(question: Question, config: Resolved, calendars: Mapping[str, ZoneCalendar]) -> Outcome:
    try:
        return planned(question, config, calendars[config.zone_code])
    except Refusal as refusal:
        return refusal


def _check_refs(inputs: Sequence[pb.PlannedDateInput]) -> None:
    """Refuse a batch whose results could not be told apart."""
    if not inputs:
        required("", "inputs")
    refs = {required(one.ref, "ref") for one in inputs}
    if len(refs) < len(inputs):
        raise ReferenceEnDouble(champ="ref")


def _days(questions: Iterable[Question]) -> Iterable[date]:
    for one in questions:
        yield date(one.year, one.month, 1)
        if one.min_date is not None:
            yield one.min_date
        if one.reference is not None:
            yield one.reference.day


def _or_none(search: Callable[[date], date], day: date) -> date | None:
    try:
        return search(day)
    except NoEligibleDateFound:
        return None
