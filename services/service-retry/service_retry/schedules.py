"""RetryScheduleService: the schedules of rejected debits, as people look at them and correct them."""

from datetime import date
from typing import Any, Final

from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryScheduleServiceServicer
from db_utils import Listing, Transaction, clock
from grpc_utils import (
    Context,
    civil_date,
    found,
    list_answer,
    opaque_id,
    optional_date,
    page_of,
    required,
)
from grpc_utils.errors import AlreadyExists, ExisteDeja, FailedPrecondition, InvalidArgument
from service_kit import App, Settings
from sqlalchemy import Date, bindparam

from service_retry import calendrier, creation, issues, journal, outcomes, paiements, rules, suites
from service_retry.calendrier import Presentation
from service_retry.models import (
    CANCELLED,
    NOT_ELIGIBLE_MANUAL_CANCEL,
    SCHEDULED,
    RetryAttempt,
    RetrySchedule,
)
from service_retry.outcomes import REJECTED, Outcome
from service_retry.policy_rules import Snapshot

_next_retry: Any = RetrySchedule.next_retry_date
SCHEDULES: Final = Listing(
    RetrySchedule,
    sorts=("created_at desc", "next_retry_date nulls last"),
    filters={
        "societe_id": None,
        "client_id": None,
        "contrat_id": None,
        "facture_id": None,
        "eligibility": None,
        "is_resolved": None,
        "next_retry_from": lambda value: _next_retry >= _day(value),
        "next_retry_to": lambda value: _next_retry <= _day(value),
    },
)


def _day(value: Any) -> Any:
    return bindparam(value.key, type_=Date)


class PaiementNonRejete(FailedPrecondition):
    """Ce paiement n'est pas rejeté : il n'y a rien à présenter à nouveau."""


class DejaResolu(FailedPrecondition):
    """Ce dossier est terminé."""


class TentativeEnCours(FailedPrecondition):
    """Une présentation est déjà demandée à la banque et ne peut plus être arrêtée ni déplacée."""


class AucuneTentative(FailedPrecondition):
    """Aucune présentation n'est encore planifiée."""


class DateNonEligible(InvalidArgument):
    """Ce jour n'est pas un jour de prélèvement."""


class DateTropProche(InvalidArgument):
    """Ce jour est trop proche pour être remis à la banque."""


class DateTropTardive(InvalidArgument):
    """Ce jour dépasse la durée totale permise après le rejet."""


class RetryScheduleService(RetryScheduleServiceServicer):
    """Schedules of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._app, self._db = app, app.database

    async def Create(self, request: pb.CreateRetryScheduleRequest, context: Context) -> pb.RetrySchedule:
        """Make the schedule of a rejection whose event was missed, or end the attempt that it is of (R9)."""
        code = rules.code_of(request.motif_rejet)
        told = optional_date(request.date_rejet, "date_rejet")
        payment_id = required(opaque_id(request.payment_id, "payment_id") or "", "payment_id")
        if told is not None:
            rules.rejection_day(told, clock.today())
        former = await creation.schedule_of(self._db.read(), payment_id)
        if former is not None:
            raise _existing(former)
        known = found(await paiements.payment(self._app, payment_id), "payment_id")
        if known.statut != REJECTED:
            raise PaiementNonRejete(champ="payment_id")
        jour = told or optional_date(known.date_rejet, "date_rejet") or clock.today()
        rejet = paiements.rejet_of_payment(known, code, rules.rejection_day(jour, clock.today()))
        attempt = await creation.attempt_of(self._db.read(), rejet.payment_id, rejet.retry_attempt_id)
        if attempt is None:
            schedule = await self._begin(rejet)
        else:
            schedule = await self._end(attempt, Outcome(rejet.payment_id, REJECTED, jour, code))
        return await journal.as_message(self._db.read(), schedule)

    async def _begin(self, rejet: paiements.Rejet) -> RetrySchedule:
        decided = await creation.projet(self._app, rejet)
        async with self._db.transaction() as tx:
            schedule = await creation.create(tx, rejet, decided)
        if schedule is None:
            former = found(await creation.schedule_of(self._db.read(), rejet.payment_id))
            raise _existing(former)
        return schedule

    async def _end(self, attempt: RetryAttempt, outcome: Outcome) -> RetrySchedule:
        brings = await outcomes.effet(self._app, attempt, outcome)
        async with self._db.transaction() as tx:
            return await outcomes.apply(tx, attempt, outcome, brings)

    async def Get(self, request: pb.GetRetryScheduleRequest, context: Context) -> pb.RetrySchedule:
        """Read a schedule with its attempts and its journal."""
        reader = self._db.read()
        if request.id or not request.payment_id:
            schedule = await reader.get(RetrySchedule, request.id)
        else:
            schedule = await self._of_payment(request.payment_id)
        return await journal.as_message(reader, found(schedule), journal=True)

    async def _of_payment(self, payment_id: str) -> RetrySchedule | None:
        reader = self._db.read()
        attempt = await creation.attempt_of(reader, payment_id)
        if attempt is not None:
            return await reader.get(RetrySchedule, attempt.retry_schedule_id)
        return await creation.schedule_of(reader, payment_id)

    async def List(
        self, request: pb.ListRetrySchedulesRequest, context: Context
    ) -> pb.ListRetrySchedulesResponse:
        """List schedules, the newest first or by the day of their next debit."""
        days: dict[str, Any] = {
            name: optional_date(getattr(request, name), name) for name in ("next_retry_from", "next_retry_to")
        }
        page = await page_of(SCHEDULES, self._db.read(), request, **days)
        return list_answer(pb.ListRetrySchedulesResponse, page)

    async def Cancel(self, request: pb.CancelRetryScheduleRequest, context: Context) -> pb.RetrySchedule:
        """Give the schedule up unless payments was asked already (R16)."""
        async with self._db.transaction() as tx:
            schedule, attempt = await _open(tx, request.id)
            motif = required(request.motif, "motif")
            if attempt is not None:
                await tx.update(attempt, statut=CANCELLED, erreur=_short(motif), resolved_at=clock.now())
                journal.record(tx, schedule, CANCELLED, attempt.id, apres={"motif": motif})
            await suites.resolve(tx, schedule, NOT_ELIGIBLE_MANUAL_CANCEL, motif)
        return await journal.as_message(self._db.read(), schedule)

    async def Replan(self, request: pb.ReplanRetryScheduleRequest, context: Context) -> pb.RetrySchedule:
        """Move the attempt that payments was not asked for yet to another day (R11)."""
        seen = found(await self._db.read().get(RetrySchedule, request.id))
        motif = required(request.motif, "motif")
        day = civil_date(required(request.new_retry_date, "new_retry_date"), "new_retry_date")
        days = await _replanned(self._app, seen, day)
        async with self._db.transaction() as tx:
            schedule, attempt = await _open(tx, request.id)
            if attempt is None:
                raise AucuneTentative
            await issues.move(tx, schedule, attempt, days, journal.REPLANNED, motif)
        return await journal.as_message(self._db.read(), schedule)


def _existing(schedule: RetrySchedule) -> AlreadyExists:
    return ExisteDeja(contrainte="uq_retry_schedule_payment", id=str(schedule.id))


def _short(motif: str) -> str:
    return motif[:200]


async def _open(tx: Transaction, schedule_id: str) -> tuple[RetrySchedule, RetryAttempt | None]:
    """The unresolved schedule, locked, with its attempt that payments was not asked for yet.

    Raises Introuvable, DejaResolu, TentativeEnCours.
    """
    schedule = found(await tx.get(RetrySchedule, schedule_id, lock=True))
    if schedule.is_resolved:
        raise DejaResolu
    attempts = await journal.attempts_of(tx, schedule.id)
    if any(map(rules.is_called, attempts)):
        raise TentativeEnCours
    planned = [attempt for attempt in attempts if attempt.statut == SCHEDULED]
    return schedule, planned[0] if planned else None


async def _replanned(app: App[Any], schedule: RetrySchedule, day: date) -> Presentation:
    """The days of an attempt that is moved to *day* (R11). Raises DateNonEligible and its like."""
    snapshot = Snapshot.read(schedule.policy_snapshot)
    if day > rules.last_day(schedule.rejection_date, snapshot):
        raise DateTropTardive(champ="new_retry_date")
    earliest = await calendrier.business_days(app, schedule.societe_id, clock.today(), snapshot.delai_remise)
    if day < earliest:
        raise DateTropProche(champ="new_retry_date")
    days = await calendrier.presentation_from(app, schedule.societe_id, snapshot, day)
    if days.planned_date != day:
        raise DateNonEligible(champ="new_retry_date")
    return days
