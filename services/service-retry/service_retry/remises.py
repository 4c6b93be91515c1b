"""Runs over what is due, organisation by organisation (R10); `presentations.py` deals with each attempt."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from db_utils import Scope, Transaction, clock, within
from service_kit import AGAIN, App, Worker
from sqlalchemy import Date, bindparam, or_, select, update

from service_retry import issues, journal, rules
from service_retry.calendrier import SILENT, business_days
from service_retry.issues import ECHOUE, IGNORE, REPORTE, SOUMIS, Resultat
from service_retry.models import (
    COMPLETED,
    FAILED,
    PARTIAL,
    RUNNING,
    SCHEDULED,
    RetryAttempt,
    RetryJob,
    RetrySchedule,
)
from service_retry.presentations import present

_log = logging.getLogger(__name__)

_EVERY = timedelta(minutes=5)
_is_due = (
    RetryAttempt.statut == SCHEDULED,
    RetryAttempt.date_remise <= bindparam("jour", type_=Date),
)
# What the job takes today: a remise of today must have been planned before it began, or asked for since.
_was_due_at_ten = (
    *_is_due,
    or_(
        RetryAttempt.date_remise < bindparam("jour", type_=Date),
        RetryAttempt.appel_le.is_not(None),
        RetryAttempt.updated_at < bindparam("planned_before", type_=RetryAttempt.updated_at.type),
    ),
)
_ORGANISATIONS = select(RetryAttempt.organisation_id).where(*_was_due_at_ten).distinct()
_DUE = select(RetryAttempt).where(*_is_due).order_by(RetryAttempt.date_remise, RetryAttempt.id)
_DUE_AT_TEN = select(RetryAttempt).where(*_was_due_at_ten).order_by(RetryAttempt.date_remise, RetryAttempt.id)
_DUE_OF_ONE = _DUE.where(RetryAttempt.retry_schedule_id == bindparam("schedule_id"))
_CUT_SHORT = (
    update(RetryJob)
    .where(RetryJob.statut == RUNNING)
    .values(statut=FAILED, ended_at=bindparam("now", type_=RetryJob.ended_at.type))
)


@dataclass(frozen=True, slots=True)
class Bilan:
    """What a run came to; *job_id* is empty when nothing was to be kept of it."""

    statut: str
    resultats: Sequence[Resultat]
    job_id: str = ""

    def count(self, *resultats: str) -> int:
        """The number of attempts of which this became."""
        counted = Counter(one.resultat for one in self.resultats)
        return sum(counted[resultat] for resultat in resultats)


def only_run(app: App[Any], organisation_id: str) -> AbstractAsyncContextManager[bool]:
    """Whether no other run of the organisation is in progress, while inside (C18)."""
    return app.database.exclusive(f"remises/{organisation_id}")


async def present_due(app: App[Any]) -> object:
    """Present what was due today at 10:00, from then on (a job); what is left is tried again (R10).

    An attempt that was planned later in the day, for a remise of today, has missed it and waits for the
    next day.
    """
    now, today = clock.now(), clock.today()
    if not rules.has_begun(now, rules.REMISES_FROM):
        return None
    left, asked = 0, {"jour": today, "planned_before": rules.instant_of(today, rules.REMISES_FROM)}
    for organisation_id in await app.database.read().all(_ORGANISATIONS, **asked):
        with within(Scope(organisation_id)):
            async with only_run(app, organisation_id) as alone:
                if alone:
                    left += await _run_daily(app, organisation_id, asked)
    return AGAIN if left else None


async def _run_daily(app: App[Any], organisation_id: str, asked: Mapping[str, Any]) -> int:
    """Present what was due in the organisation of the scope, where today is eligible; return what is left."""
    due, failed = await _of_today(app, await app.database.read().all(_DUE_AT_TEN, **asked))
    if not due:
        return len(failed)
    return (await _keep(app, organisation_id, asked["jour"], due, failed, is_manual=False)).count(ECHOUE)


async def run(
    app: App[Any],
    organisation_id: str,
    jour: date,
    *,
    schedule_id: UUID | None = None,
    dry_run: bool = False,
) -> Bilan:
    """Present what is due on *jour* in the organisation of the scope, or of *schedule_id* alone."""
    reader = app.database.read()
    if schedule_id is None:
        due = await reader.all(_DUE, jour=jour)
    else:
        due = await reader.all(_DUE_OF_ONE, jour=jour, schedule_id=schedule_id)
    if dry_run:
        return _bilan([await present(app, one.id, dry_run=True) for one in due])
    return await _keep(app, organisation_id, jour, due, (), is_manual=True)


async def _keep(
    app: App[Any],
    organisation_id: str,
    jour: date,
    due: Sequence[RetryAttempt],
    failed: Sequence[Resultat],
    *,
    is_manual: bool,
) -> Bilan:
    """Present *due*, and keep what the run came to, with what has *failed* already."""
    job = await _begin(app, organisation_id, jour, is_manual=is_manual)
    results = [await present(app, one.id, dry_run=False) for one in due]
    bilan = _bilan([*failed, *results], str(job.id))
    await _finish(app, job, bilan)
    return bilan


async def _of_today(app: App[Any], due: Sequence[RetryAttempt]) -> tuple[list[RetryAttempt], list[Resultat]]:
    """Those of *due* whose société may be debited today, and those of which nobody tells."""
    today, days = clock.today(), dict[str, bool | None]()
    kept, failed = list[RetryAttempt](), list[Resultat]()
    for attempt in due:
        schedule = await app.database.read().get(RetrySchedule, attempt.retry_schedule_id)
        societe_id = schedule.societe_id if schedule else ""
        if societe_id not in days:
            days[societe_id] = await _is_eligible(app, societe_id, today)
        if days[societe_id] is None:
            failed.append(issues.left(attempt.id, "DEPENDANCE_INDISPONIBLE"))
        elif days[societe_id]:
            kept.append(attempt)
    return kept, failed


async def _is_eligible(app: App[Any], societe_id: str, day: date) -> bool | None:
    try:
        return await business_days(app, societe_id, day, 0) == day
    except SILENT as error:
        _log.warning("remises wait for the calendar: %r", error)
        return None


async def _begin(app: App[Any], organisation_id: str, jour: date, *, is_manual: bool) -> RetryJob:
    """Note a run; one that was cut short has failed."""
    async with app.database.transaction() as tx:
        await tx.execute(_CUT_SHORT, now=clock.now())
        return await tx.insert(
            RetryJob(
                organisation_id=organisation_id,
                target_date=jour,
                is_manual=is_manual,
                triggered_by=journal.acteur(),
            )
        )


async def _finish(app: App[Any], job: RetryJob, bilan: Bilan) -> None:
    async with app.database.transaction() as tx:
        await _write(tx, job, bilan)


async def _write(tx: Transaction, job: RetryJob, bilan: Bilan) -> None:
    await tx.update(
        job,
        statut=bilan.statut,
        total=len(bilan.resultats),
        soumis=bilan.count(SOUMIS),
        ignores=bilan.count(IGNORE, REPORTE),
        echoues=bilan.count(ECHOUE),
        ended_at=clock.now(),
    )


def _bilan(resultats: Sequence[Resultat], job_id: str = "") -> Bilan:
    failed = sum(one.resultat == ECHOUE for one in resultats)
    statut = COMPLETED if not failed else FAILED if failed == len(resultats) else PARTIAL
    return Bilan(statut, resultats, job_id)


REMISES = Worker("remises", present_due, every=_EVERY)
