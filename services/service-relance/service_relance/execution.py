"""Job that looks at due reminders (R10). It carries none out yet: it ignores those of deleted clients.

No event tells this service that a client was deleted, so the job asks the clients service (R11).
"""

import logging
from datetime import timedelta
from typing import Any

import grpc
from crm.clients.clients_pb2 import GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from db_utils import Scope, clock, parse_uuid, within
from grpc_utils import answered_or_none
from grpc_utils.errors import Unavailable
from service_kit import App, Worker
from sqlalchemy import bindparam, select

from service_relance import rules
from service_relance.models import CLIENT_SUPPRIME, IGNOREE, PLANIFIEE, Relance

_log = logging.getLogger(__name__)

_due = (
    Relance.statut == PLANIFIEE,
    Relance.date_prevue <= bindparam("today", type_=Relance.date_prevue.type),
)
_ORGANISATIONS = select(Relance.organisation_id).where(*_due).distinct()
_CLIENTS = select(Relance.client_id).where(*_due).distinct()
# Locked against other runs; what another run holds is left to it.
_OF_CLIENT = (
    select(Relance)
    .where(*_due, Relance.client_id == bindparam("client_id"))
    .order_by(Relance.date_prevue)
    .with_for_update(skip_locked=True)
)


async def look_at_due(app: App[Any]) -> None:
    """Ignore the due reminders of deleted clients, organisation by organisation.

    Does nothing outside the hours of work. While clients is away the rest waits for the next run.
    """
    if not rules.is_open(clock.now()):
        return
    for organisation_id in await app.database.read().all(_ORGANISATIONS, today=clock.today()):
        with within(Scope(organisation_id)):
            try:
                await _look_at(app)
            except Unavailable as error:
                # one call has waited in vain: those of the other organisations would, too
                _log.warning("reminders that are due wait for clients: %s", error.reason)
                return
            except grpc.aio.AioRpcError as error:
                _log.error("reminders of %s wait: clients says %s", organisation_id, error.code().name)


async def _look_at(app: App[Any]) -> None:
    """Look at one organisation, that of the scope. Raises Unavailable, AioRpcError from clients."""
    clients = app.peers.stub(ClientBaseServiceStub)
    due_for = await app.database.read().all(_CLIENTS, today=clock.today())
    for client_id in filter(parse_uuid, due_for):  # other ids are not of our making (C2)
        if await answered_or_none(clients.Get(GetClientBaseRequest(id=client_id))) is None:
            await _ignore(app, client_id)


async def _ignore(app: App[Any], client_id: str) -> None:
    async with app.database.transaction() as tx:
        for relance in await tx.all(_OF_CLIENT, today=clock.today(), client_id=client_id):
            await tx.update(relance, statut=IGNOREE, motif=CLIENT_SUPPRIME)
            _log.info("reminder %s is ignored: its client is gone", relance.id)


EXECUTION = Worker("execution", look_at_due, every=timedelta(hours=1))
