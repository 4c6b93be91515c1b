"""Account managers: whom a new client concerns, as clients and commerciaux tell (R18)."""

import logging
from dataclasses import dataclass
from typing import Any

import grpc
from crm.clients.clients_pb2 import GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.commerciaux.commerciaux_pb2 import GetApporteurRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Scope, within
from grpc_utils import Peers, failure_of, is_opaque_id
from grpc_utils.errors import Unavailable
from service_kit import App, owner_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """The organisation of a new client, and the user who manages its account ("" for the sales team)."""

    organisation_id: str
    utilisateur_id: str


async def reader_of(event: ClientCreatedEvent, app: App[Any]) -> Reader | None:
    """Return whom the client of *event* concerns, None when nobody knows the client.

    The team is told when the way to the manager is broken or silent: it may wait less than he. Raises
    like `owner_of`, while nobody can say which organisation it is.
    """
    owner = await owner_of(event, app)
    if owner is None:
        return None
    with within(Scope(owner.organisation_id)):
        return Reader(owner.organisation_id, await _manager(event.client_id, app.peers))


async def _manager(client_id: str, peers: Peers) -> str:
    try:
        client = await peers.stub(ClientBaseServiceStub).Get(GetClientBaseRequest(id=client_id))
        if not client.commercial_id:
            return ""
        apporteurs = peers.stub(ApporteurServiceStub)
        apporteur = await apporteurs.Get(GetApporteurRequest(id=client.commercial_id))
    except (Unavailable, grpc.aio.AioRpcError) as failure:
        _log.info("the manager of client %s is not known: %s", client_id, failure_of(failure))
        return ""
    return apporteur.utilisateur_id if is_opaque_id(apporteur.utilisateur_id) else ""
