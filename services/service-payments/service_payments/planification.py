"""Days of échéances, as the calendar service plans them (R4 to R6); none is ever guessed."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import grpc
from crm.calendar.calendar_pb2 import (
    CalculatePlannedDatesBatchRequest,
    CheckDateEligibilityRequest,
    PlannedDateInput,
)
from crm.calendar.calendar_pb2_grpc import CalendarEngineServiceStub
from db_utils import Scope, Transaction, Worker, clock, within
from grpc_utils import optional_date
from grpc_utils.errors import Unavailable
from service_kit import App
from sqlalchemy import bindparam, select

from service_payments import agenda
from service_payments import echeancier_rules as rules
from service_payments.creanciers import notice_of
from service_payments.echeancier_rules import Cible
from service_payments.models import (
    A_PLANIFIER,
    ACTIVE,
    HEBDOMADAIRE,
    PLANIFIEE,
    Echeance,
    Echeancier,
)

_log = logging.getLogger(__name__)

_SIDE_BY_SIDE: Final = 8  # questions
_SCHEDULES = (
    select(Echeancier.organisation_id, Echeancier.id)
    .where(
        Echeancier.id.in_(
            select(Echeance.echeancier_id).where(
                Echeance.planification == A_PLANIFIER, Echeance.statut == PLANIFIEE
            )
        ),
        Echeancier.statut == ACTIVE,
    )
    .order_by(Echeancier.created_at)
)
ECHEANCES = (
    select(Echeance).where(Echeance.echeancier_id == bindparam("echeancier_id")).order_by(Echeance.rang)
)


@dataclass(frozen=True, slots=True)
class Jour:
    """The day of an échéance and what moved it; without a day it waits for the calendar."""

    cible: Cible
    prelevement: date | None = None
    vise: date | None = None
    motif: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of its échéance."""
        return {
            "mois_cible": self.cible.mois,
            "date_cible": self.vise or self.cible.jour,
            "date_prelevement": self.prelevement,
            "decalage_motif": self.motif or None,
            "planification": PLANIFIEE if self.prelevement else A_PLANIFIER,
        }


async def planned(app: App[Any], schedule: Echeancier, earliest: date, count: int) -> list[Jour]:
    """Plan *count* échéances of *schedule* from *earliest* on (R5).

    When the first day would be too early, all begin a month later. Days are missing while the
    calendar is away (R6).
    """
    wanted = rules.cibles(schedule.frequence, earliest, count)
    jours = await days_of(app, schedule, wanted)
    first = jours[0].prelevement
    if first is not None and first < earliest:
        jours = await days_of(app, schedule, rules.cibles(schedule.frequence, earliest, count, later=1))
    return jours


async def days_of(
    app: App[Any], schedule: Echeancier, wanted: Sequence[Cible], *, min_date: date | None = None
) -> list[Jour]:
    """Ask the calendar for the day of each of *wanted*, not before *min_date*."""
    try:
        if schedule.frequence == HEBDOMADAIRE:
            return await _weekly(app, schedule, wanted, min_date)
        return await _monthly(app, schedule, wanted, min_date)
    except Unavailable as error:
        _log.warning("schedule %s waits for the calendar: %s", schedule.id, error.reason)
    except grpc.aio.AioRpcError as error:
        _log.error("schedule %s waits for the calendar: %s", schedule.id, error.code().name)
    return [Jour(cible) for cible in wanted]


async def _monthly(
    app: App[Any], schedule: Echeancier, wanted: Sequence[Cible], min_date: date | None
) -> list[Jour]:
    stub = app.peers.stub(CalendarEngineServiceStub)
    inputs = [
        PlannedDateInput(
            ref=str(position),
            target_year=int(cible.mois[:4]),
            target_month=int(cible.mois[5:]),
            contrat_id=schedule.contrat_id or "",
            client_id=schedule.client_id,
            societe_id=schedule.societe_id,
            min_date=min_date.isoformat() if min_date else "",
        )
        for position, cible in enumerate(wanted)
    ]
    answer = await stub.CalculatePlannedDatesBatch(CalculatePlannedDatesBatchRequest(inputs=inputs))
    for result in answer.results:
        if not result.success:
            _log.error("schedule %s: the calendar refuses a day: %s", schedule.id, result.error_code)
    return [
        Jour(
            cible,
            optional_date(result.planned_debit_date, "planned_debit_date"),
            optional_date(result.original_target_date, "original_target_date"),
            result.shift_reason,
        )
        if result.success
        else Jour(cible)
        for cible, result in zip(wanted, answer.results, strict=True)
    ]


async def _weekly(
    app: App[Any], schedule: Echeancier, wanted: Sequence[Cible], min_date: date | None
) -> list[Jour]:
    """The first eligible day from each target on."""
    stub, slots = app.peers.stub(CalendarEngineServiceStub), asyncio.Semaphore(_SIDE_BY_SIDE)

    async def day(cible: Cible) -> Jour:
        assert cible.jour is not None
        target = max(cible.jour, min_date or cible.jour)
        asked = CheckDateEligibilityRequest(date=target.isoformat(), societe_id=schedule.societe_id)
        async with slots:
            answer = await stub.CheckDateEligibility(asked)
        if answer.is_eligible:
            return Jour(cible, target, cible.jour)
        return Jour(
            cible, optional_date(answer.next_eligible_date, "next_eligible_date"), cible.jour, "ferme"
        )

    return list(await asyncio.gather(*(day(cible) for cible in wanted)))


async def plan_late(app: App[Any]) -> None:
    """Plan the échéances that the calendar had no answer for (a job, R6)."""
    for organisation_id, echeancier_id in await app.database.read().all(_SCHEDULES):
        with within(Scope(organisation_id)):
            await _planned_now(app, echeancier_id)


async def _planned_now(app: App[Any], echeancier_id: Any) -> None:
    """Plan what is left of a schedule, as far as the calendar tells its days."""
    reader = app.database.read()
    schedule = await reader.get(Echeancier, echeancier_id)
    if schedule is None:
        return
    echeances = await reader.all(ECHEANCES, echeancier_id=schedule.id)
    late = [one for one in echeances if one.planification == A_PLANIFIER and rules.free(one)]
    if not late:
        return
    jours = await _days_of_late(app, schedule, echeances, late)
    async with app.database.transaction() as tx:
        await place(tx, schedule, {one.id: jour for one, jour in zip(late, jours, strict=True)})


async def _days_of_late(
    app: App[Any], schedule: Echeancier, echeances: Sequence[Echeance], late: Sequence[Echeance]
) -> list[Jour]:
    """The days of *late*; of a schedule without any day, as if it were made now."""
    if len(late) == len(echeances):
        preavis, _ = await notice_of(app, schedule.organisation_id, schedule.societe_id)
        made = schedule.created_at.astimezone(clock.PARIS).date()
        return await planned(app, schedule, rules.plus_tot(schedule, preavis, made), len(late))
    return await days_of(app, schedule, [cible_of(one, schedule) for one in late])


def cible_of(echeance: Echeance, schedule: Echeancier) -> Cible:
    """What an échéance of *schedule* aims at."""
    weekly = schedule.frequence == HEBDOMADAIRE
    return Cible(echeance.mois_cible, echeance.date_cible if weekly else None)


async def place(tx: Transaction, schedule: Echeancier, jours: dict[Any, Jour]) -> None:
    """Give the échéances with these ids their days, unless an invoice was asked for meanwhile."""
    locked = await tx.get(Echeancier, schedule.id, lock=True)
    assert locked is not None, "schedules are never deleted"
    placed = []
    for echeance in await tx.all(ECHEANCES, echeancier_id=schedule.id):
        jour = jours.get(echeance.id)
        if jour is not None and jour.prelevement is not None and rules.unasked(echeance):
            placed.append(await tx.update(echeance, **jour.columns))
    await agenda.plan(tx, locked, placed)


PLANIFIER: Final = Worker("planifier", plan_late, every=timedelta(minutes=1))
