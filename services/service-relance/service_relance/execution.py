"""Job that looks at due reminders (R10). It carries none out yet: it ignores those without a reason left.

No event tells this service that a client was deleted or an invoice credited, so the job asks (R11).
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import grpc
from crm.clients.clients_pb2 import GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.factures.factures_pb2 import GetFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import Scope, clock, parse_uuid, within
from grpc_utils import answered_or_none
from grpc_utils.errors import Unavailable
from service_kit import App, Worker
from sqlalchemy import Select, bindparam, select

from service_relance import rules
from service_relance.models import CLIENT_SUPPRIME, IGNOREE, PLANIFIEE, REGLEE, Relance

_log = logging.getLogger(__name__)

_due = (
    Relance.statut == PLANIFIEE,
    Relance.date_prevue <= bindparam("today", type_=Relance.date_prevue.type),
)
_ORGANISATIONS = select(Relance.organisation_id).where(*_due).distinct()
_CLIENTS = select(Relance.client_id).where(*_due).distinct()
_FACTURES: Any = select(Relance.facture_id).where(*_due, Relance.facture_id.is_not(None)).distinct()
# Locked against other runs; what another run holds is left to it.
_DUE = select(Relance).where(*_due).order_by(Relance.date_prevue).with_for_update(skip_locked=True)
_OF_CLIENT = _DUE.where(Relance.client_id == bindparam("cause"))
_OF_FACTURE = _DUE.where(Relance.facture_id == bindparam("cause"))


async def look_at_due(app: App[Any]) -> None:
    """Ignore the due reminders of deleted clients, then those about invoices that nothing is owed on.

    Does nothing outside the hours of work. What a service that is away would tell waits for the next run.
    """
    if rules.is_open(clock.now()):
        await _in_each_organisation(app, _look_at_clients)
        await _in_each_organisation(app, _look_at_factures)


async def _in_each_organisation(app: App[Any], look: Callable[[App[Any]], Awaitable[None]]) -> None:
    for organisation_id in await app.database.read().all(_ORGANISATIONS, today=clock.today()):
        with within(Scope(organisation_id)):
            try:
                await look(app)
            except Unavailable as error:
                # one call has waited in vain: those of the other organisations would, too
                _log.warning("reminders that are due wait: %s %s", error.reason, error.metadata)
                return
            except grpc.aio.AioRpcError as error:
                _log.error("reminders of %s wait: %s", organisation_id, error.code().name)


async def _look_at_clients(app: App[Any]) -> None:
    """Ask for the clients of the organisation of the scope. Raises Unavailable, AioRpcError."""
    clients = app.peers.stub(ClientBaseServiceStub)
    due_for = await app.database.read().all(_CLIENTS, today=clock.today())
    for client_id in filter(parse_uuid, due_for):  # other ids are not of our making (C2)
        if await answered_or_none(clients.Get(GetClientBaseRequest(id=client_id))) is None:
            await _ignore(app, _OF_CLIENT, client_id, CLIENT_SUPPRIME)


async def _look_at_factures(app: App[Any]) -> None:
    """Ask for the invoices of the organisation of the scope. Raises Unavailable, AioRpcError."""
    factures = app.peers.stub(InvoiceServiceStub)
    due_for = await app.database.read().all(_FACTURES, today=clock.today())
    for facture_id in filter(parse_uuid, due_for):  # other ids are not of our making (C2)
        facture = await answered_or_none(factures.Get(GetFactureRequest(id=facture_id)))
        if facture is None:
            _log.warning("reminders about invoice %s wait: factures does not know it", facture_id)
        elif rules.is_settled(facture):
            await _ignore(app, _OF_FACTURE, facture_id, REGLEE)


async def _ignore(app: App[Any], due: Select[Relance], cause: str, motif: str) -> None:
    async with app.database.transaction() as tx:
        for relance in await tx.all(due, today=clock.today(), cause=cause):
            await tx.update(relance, statut=IGNOREE, motif=motif)
            _log.info("reminder %s is ignored: %s", relance.id, motif)


EXECUTION = Worker("execution", look_at_due, every=timedelta(hours=1))
