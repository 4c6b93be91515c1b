"""What the events of other services cause here: rows, and nothing else."""

import logging

from crm.clients.clients_pb2 import GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Transaction
from grpc_utils import answered_or_none
from nats_utils import Subscription, required_text
from service_kit import App, Settings

from service_notifications import rules

_log = logging.getLogger(__name__)


async def organisation_of(event: ClientCreatedEvent, app: App[Settings]) -> str | None:
    """The organisation of the new client: of the event, else of the client; None without that client."""
    required_text(event, "client_id")
    if event.organisation_id:
        return event.organisation_id
    stub = app.peers.stub(ClientBaseServiceStub)
    client = await answered_or_none(stub.Get(GetClientBaseRequest(id=event.client_id)))
    if client is None:
        _log.warning("event %s has no effect: client %s is unknown", event.event_id, event.client_id)
        return None
    return client.organisation_id


async def notify_new_client(event: ClientCreatedEvent, tx: Transaction, organisation_id: str | None) -> None:
    """Tell the sales team about the new client, once per event."""
    if organisation_id is not None:
        await tx.insert(rules.nouveau_client(event, organisation_id), if_absent=True)


SUBSCRIPTIONS = (Subscription(ClientCreatedEvent, notify_new_client, lookup=organisation_of),)
