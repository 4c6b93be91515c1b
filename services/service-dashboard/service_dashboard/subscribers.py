"""What the events of other services leave here: rows of the projections, and nothing else."""

import logging

from crm.clients.clients_pb2 import ClientBase, GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Transaction
from grpc_utils import answered_or_none
from nats_utils import Subscription, required_text
from service_kit import App, Settings

from service_dashboard import rules

_log = logging.getLogger(__name__)

Owner = ClientCreatedEvent | ClientBase


async def owner_of(event: ClientCreatedEvent, app: App[Settings]) -> Owner | None:
    """What names organisation and société: the event, else its client; None without that client."""
    required_text(event, "client_id")
    if event.organisation_id:
        return event
    stub = app.peers.stub(ClientBaseServiceStub)
    client = await answered_or_none(stub.Get(GetClientBaseRequest(id=event.client_id)))
    if client is None:
        _log.warning("event %s has no effect: client %s is unknown", event.event_id, event.client_id)
    return client


async def count_new_client(event: ClientCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Remember the new client; of two announcements of one client the first stays."""
    if owner is not None:
        seen = rules.client_vu(event, owner.organisation_id, owner.societe_id)
        await tx.insert(seen, if_absent=True)


SUBSCRIPTIONS = (Subscription(ClientCreatedEvent, count_new_client, lookup=owner_of),)
