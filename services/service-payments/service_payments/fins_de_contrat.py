"""What contracts that are over end of their schedules (R34); one that cannot be asked for ends nothing."""

import asyncio
import logging
from collections.abc import Iterable
from datetime import date, time, timedelta
from typing import Any, Final
from uuid import UUID

import grpc
from db_utils import Scope, Worker, clock, within
from grpc_utils.errors import Unavailable
from service_kit import App
from sqlalchemy import exists, select

from service_payments import echeancier_rules as rules
from service_payments import interruptions
from service_payments.contrats_lus import ANNULE, EXPIRE, RESILIE, Statut, read_statut
from service_payments.models import PENDING, Echeancier, Payment

_log = logging.getLogger(__name__)

FIRST_HOUR: Final = time(5)
_WITH_DEBITS = (
    select(Echeancier)
    .where(
        Echeancier.contrat_id.is_not(None),
        exists().where(Payment.schedule_id == Echeancier.id, Payment.statut == PENDING),
    )
    .order_by(Echeancier.organisation_id)
)


class Contrats:
    """Where contracts stand, asked once in a run."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._known: dict[str, asyncio.Task[Statut]] = {}

    async def statut(self, schedule: Echeancier) -> Statut:
        """The statut of the contract of *schedule*. Raises Unavailable while contrats is away."""
        contrat_id = schedule.contrat_id or ""
        if contrat_id not in self._known:
            self._known[contrat_id] = asyncio.create_task(read_statut(self._app.peers, contrat_id))
        return await self._known[contrat_id]


def begun() -> bool:
    """Whether the day of the jobs has begun."""
    return clock.now().astimezone(clock.PARIS).time() >= FIRST_HOUR


async def ended(app: App[Any], schedule: Echeancier, statut: Statut, day: date | None) -> bool:
    """End what the contract leaves of *schedule*; return whether the échéance of *day* has ended with it."""
    after = _end_of(schedule, statut)
    if after is None:
        return False
    async with app.database.transaction() as tx:
        locked = await tx.get(Echeancier, schedule.id, lock=True)
        if locked is not None and locked.statut in interruptions.ALIVE:
            cut = None if statut.nom == ANNULE else after
            await interruptions.end_with_contract(tx, locked, statut.nom, after=cut)
    return day is None or day > after


def _end_of(schedule: Echeancier, statut: Statut) -> date | None:
    """The last day that a contract still owes; None while it goes on (R34).

    One that has expired owes all that was sold: only an open schedule ends with it.
    """
    if statut.nom == ANNULE:
        return date.min
    if statut.nom == RESILIE:
        return statut.date_resiliation or date.min
    return statut.date_fin if statut.nom == EXPIRE and rules.is_open(schedule) else None


async def follow(app: App[Any], schedules: Iterable[Echeancier]) -> set[UUID]:
    """End what is over of *schedules*; return the ids of those whose contract cannot be asked for now."""
    contrats, waiting = Contrats(app), set()
    for schedule in schedules:
        with within(Scope(schedule.organisation_id)):
            try:
                await ended(app, schedule, await contrats.statut(schedule), None)
            except (Unavailable, grpc.aio.AioRpcError) as error:
                _log.warning("the contract of schedule %s cannot be asked for: %s", schedule.id, error)
                waiting.add(schedule.id)
    return waiting


async def follow_contracts(app: App[Any]) -> None:
    """End the debits that wait, of contracts that are over (a job, R34)."""
    if begun():
        await follow(app, await app.database.read().all(_WITH_DEBITS))


CONTRATS: Final = Worker("suivre-contrats", follow_contracts, every=timedelta(hours=1))
