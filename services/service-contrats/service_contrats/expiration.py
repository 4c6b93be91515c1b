"""Jobs about the end of contracts: they expire (R18), and somebody is told a month before (R19)."""

import logging
from datetime import timedelta
from typing import Any, Final

import grpc
from db_utils import Scope, clock, within
from grpc_utils import reason_of
from grpc_utils.errors import CleIdempotenceReutilisee, Unavailable
from service_kit import App, Worker
from sqlalchemy import Boolean, DateTime, bindparam, literal_column, select, update

from service_contrats.annonces import announce_end
from service_contrats.models import ACTIF, EN_VIGUEUR, EXPIRE, Contrat
from service_contrats.transitions import move

_log = logging.getLogger(__name__)

SYSTEME: Final = "systeme"
_NOTICE = timedelta(days=30)
_BATCH = 100  # contracts that one transaction locks
_MOST_NOTICES = 1_000  # of an organisation in one run

_day = Contrat.date_fin.type
_runs = literal_column(EN_VIGUEUR, type_=Boolean)
_over = (
    _runs,
    Contrat.date_fin < bindparam("today", type_=_day),
)
_ORGANISATIONS_OVER = select(Contrat.organisation_id).where(*_over).distinct()
_OVER = select(Contrat).where(*_over).order_by(Contrat.id).limit(_BATCH).with_for_update()
_soon = (
    _runs,
    Contrat.statut == ACTIF,
    Contrat.date_fin.between(bindparam("today", type_=_day), bindparam("last", type_=_day)),
    Contrat.expiration_notifiee_le.is_(None),
)
_ORGANISATIONS_SOON = select(Contrat.organisation_id).where(*_soon).distinct()
_SOON = select(Contrat).where(*_soon).order_by(Contrat.date_fin, Contrat.id).limit(_MOST_NOTICES)
# Not a change of the contract: its version stays, so that nobody's Update fails because of it.
_TOLD = (
    update(Contrat)
    .where(Contrat.id == bindparam("contrat_id"))
    .values(expiration_notifiee_le=bindparam("now", type_=DateTime(timezone=True)))
)


async def expire_contrats(app: App[Any]) -> None:
    """Expire the contracts whose last day is over, organisation by organisation (R18)."""
    for organisation_id in await app.database.read().all(_ORGANISATIONS_OVER, today=clock.today()):
        with within(Scope(organisation_id)):
            while await _expire_some(app) == _BATCH:
                pass


async def _expire_some(app: App[Any]) -> int:
    async with app.database.transaction() as tx:
        contrats = await tx.all(_OVER, today=clock.today())
        for contrat in contrats:
            await move(tx, contrat, EXPIRE, auteur=SYSTEME)
    return len(contrats)


async def give_notice(app: App[Any]) -> None:
    """Tell once of each active contract that ends within 30 days (R19).

    While notifications is away the rest waits for the next run.
    """
    window = {"today": clock.today(), "last": clock.today() + _NOTICE}
    for organisation_id in await app.database.read().all(_ORGANISATIONS_SOON, **window):
        with within(Scope(organisation_id)):
            for contrat in await app.database.read().all(_SOON, **window):
                try:
                    await _tell(app, contrat)
                except Unavailable as error:
                    _log.warning("notices of contracts that end wait for notifications: %s", error.reason)
                    return


async def _tell(app: App[Any], contrat: Contrat) -> None:
    """Tell of the end of *contrat* and note it. Raises Unavailable."""
    try:
        await announce_end(app.peers, contrat)
    except grpc.aio.AioRpcError as error:
        if reason_of(error) != CleIdempotenceReutilisee.reason:  # it was told before, in other words
            _log.error("the notice of contract %s is refused: %s", contrat.id, error.code().name)
            return
    async with app.database.transaction() as tx:
        await tx.execute(_TOLD, contrat_id=contrat.id, now=clock.now())


EXPIRER: Final = Worker("expirer_contrats", expire_contrats, every=timedelta(hours=1))
# What enters the 30 days at midnight is told within the hour, and so is what an outage has left (C18).
PREAVIS: Final = Worker("preavis_expiration", give_notice, every=timedelta(hours=1))
