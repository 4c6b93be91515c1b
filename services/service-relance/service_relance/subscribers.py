"""What the events of other services cause here: rows, and nothing else."""

import logging

from crm.clients.clients_pb2 import ClientBase, GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Transaction
from grpc_utils import answered_or_none
from nats_utils import Subscription, required_instant, required_text
from service_kit import App, Settings

from service_relance import rules
from service_relance.models import NOUVEAU_CLIENT
from service_relance.regles import applying_rule

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


async def plan_welcome(event: ClientCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Plan the welcome call of the new client, once per client (R7)."""
    created_at = required_instant(event, "created_at", "timestamp")
    if owner is None:
        return
    regle = await applying_rule(tx, owner.organisation_id, owner.societe_id, NOUVEAU_CLIENT)
    if regle is not None:
        planned = rules.bienvenue(regle, event.client_id, owner.societe_id, created_at)
        await tx.insert(planned, if_absent=True)


SUBSCRIPTIONS = (Subscription(ClientCreatedEvent, plan_welcome, lookup=owner_of),)
