"""Effects of other services' events: rows in the tables of this service, and nothing else."""

from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Transaction
from nats_utils import Subscription
from service_kit import Owner, owner_of

from service_notifications import rules


async def notify_new_client(event: ClientCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Tell the sales team about the new client, once per event (R18).

    A client without *owner* is one that nobody knows: nobody is told.
    """
    if owner is not None:
        await tx.insert(rules.nouveau_client(event, owner.organisation_id), if_absent=True)


SUBSCRIPTIONS = (Subscription(ClientCreatedEvent, notify_new_client, lookup=owner_of),)
