"""Which échéances are prepared today (R7); those of contracts that are over end in `fins_de_contrat.py`.

A day begins at 05:00 in Paris; what is left, because a service was away, is tried again every few minutes.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import grpc
from db_utils import Scope, Worker, clock, within
from grpc_utils.errors import Unavailable
from service_kit import AGAIN, App
from sqlalchemy import bindparam, exists, or_, select

from service_payments import echeancier_rules as rules
from service_payments.calendrier import business_day
from service_payments.contrats_lus import SUSPENDU
from service_payments.creanciers import notice_of
from service_payments.facturation import ask_again, invoice
from service_payments.fins_de_contrat import Contrats, begun, ended
from service_payments.models import ACTIVE, BLOQUEE, PLANIFIEE, Echeance, Echeancier, Payment
from service_payments.planification import cible_of, days_of, place

_log = logging.getLogger(__name__)

CONTRAT_SUSPENDU: Final = "CONTRAT_SUSPENDU"  # why an échéance is held, in its decalage_motif
_LONGEST_NOTICE: Final = timedelta(days=60)
_SIDE_BY_SIDE: Final = 8  # échéances
_ASKED = select(Echeance.organisation_id, Echeance.id).where(Echeance.demande.is_not(None))
_DUE = (
    select(Echeance, Echeancier)
    .join(Echeancier, Echeancier.id == Echeance.echeancier_id)
    .where(
        or_(Echeance.statut == PLANIFIEE, Echeance.statut == BLOQUEE),
        Echeance.demande.is_(None),
        Echeance.facture_id.is_(None),
        Echeance.date_prelevement <= bindparam("until", type_=Echeance.date_prelevement.type),
        Echeancier.statut == ACTIVE,
        ~exists().where(Payment.echeance_id == Echeance.id),
    )
    .order_by(Echeancier.organisation_id, Echeancier.societe_id, Echeance.date_prelevement, Echeance.id)
)


async def prepare_due(app: App[Any]) -> object:
    """Invoice the échéances whose notice begins, and make their payments (a job, R7)."""
    if not begun():
        return None
    done = []
    for organisation_id, echeance_id in await app.database.read().all(_ASKED):
        with within(Scope(organisation_id)):
            done.append(await _done(ask_again(app, echeance_id), echeance_id))
    due = await app.database.read().all(_DUE, until=clock.today() + _LONGEST_NOTICE)
    for (organisation_id, societe_id), rows in groupby(due, key=_place):
        with within(Scope(organisation_id)):
            done += await _prepare(app, organisation_id, societe_id, list(rows))
    return None if all(done) else AGAIN


def _place(row: tuple[Echeance, Echeancier]) -> tuple[str, str]:
    return row[1].organisation_id, row[1].societe_id


async def _prepare(
    app: App[Any], organisation_id: str, societe_id: str, rows: Sequence[tuple[Echeance, Echeancier]]
) -> Sequence[bool]:
    """Prepare what is due of a société; return of each échéance whether that is done."""
    preavis, delai = await notice_of(app, organisation_id, societe_id)
    until = await _last_day(app, organisation_id, societe_id, preavis, delai)
    slots, contrats = asyncio.Semaphore(_SIDE_BY_SIDE), Contrats(app)

    async def prepare(echeance: Echeance, schedule: Echeancier) -> bool:
        async with slots:
            return await _done(_prepare_one(app, echeance, schedule, contrats, preavis), echeance.id)

    chosen = [row for row in rows if row[0].date_prelevement and row[0].date_prelevement <= until]
    return await asyncio.gather(*(prepare(echeance, schedule) for echeance, schedule in chosen))


async def _last_day(app: App[Any], organisation_id: str, societe_id: str, preavis: int, delai: int) -> date:
    """The last day whose échéances are prepared today: by their notice, or because their file is due."""
    today = clock.today()
    by_notice = today + timedelta(days=preavis)
    if preavis > 2 * delai + 4:  # no weekend and no holidays make so few business days so long
        return by_notice
    try:
        return max(by_notice, await business_day(app, organisation_id, societe_id, today, delai))
    except (Unavailable, grpc.aio.AioRpcError) as error:
        _log.warning("files of %s are prepared by their notice alone: %s", societe_id, error)
        return by_notice


async def _done(work: Any, echeance_id: UUID) -> bool:
    """Do *work*, unless a service is away or in trouble: the next run does it, and others are not held up."""
    try:
        await work
        return True
    except Unavailable as error:
        _log.warning("échéance %s waits: %s", echeance_id, error.reason)
    except grpc.aio.AioRpcError as error:
        _log.error("échéance %s waits: %s", echeance_id, error.code().name)
    return False


async def _prepare_one(
    app: App[Any], echeance: Echeance, schedule: Echeancier, contrats: Contrats, preavis: int
) -> None:
    statut = await contrats.statut(schedule)
    if await ended(app, schedule, statut, echeance.date_prelevement):
        return
    if statut.nom == SUSPENDU:
        await _hold(app, echeance.id)
        return
    today = clock.today()
    past = echeance.date_prelevement is not None and echeance.date_prelevement < today
    if past or echeance.decalage_motif == CONTRAT_SUSPENDU:
        earliest = today + timedelta(days=preavis)
        (jour,) = await days_of(app, schedule, [cible_of(echeance, schedule)], min_date=earliest)
        if jour.prelevement is None:
            return  # never on a guessed day
        async with app.database.transaction() as tx:
            await place(tx, schedule, {echeance.id: jour})
        if jour.prelevement > earliest:
            return  # its notice has not begun
    await invoice(app, echeance.id)


async def _hold(app: App[Any], echeance_id: UUID) -> None:
    """Note that a suspended contract holds an échéance: it gets another day with its notice afterwards."""
    async with app.database.transaction() as tx:
        echeance = await tx.get(Echeance, echeance_id, lock=True)
        if echeance is not None and rules.unasked(echeance):
            await tx.update(echeance, decalage_motif=CONTRAT_SUSPENDU)


PREPARER: Final = Worker("preparer", prepare_due, every=timedelta(minutes=5))
