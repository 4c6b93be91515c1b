"""Effects of other services' events: rows in the tables of this service, and nothing else."""

from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Transaction
from nats_utils import Subscription
from service_kit import Owner, owner_of

from service_dashboard import rules


async def count_new_client(event: ClientCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Remember the new client; of two announcements of one client the first stays (R20).

    A client without *owner* is one that nobody knows: it leaves nothing.
    """
    if owner is not None:
        seen = rules.client_vu(event, owner.organisation_id, owner.societe_id)
        await tx.insert(seen, if_absent=True)


SUBSCRIPTIONS = (Subscription(ClientCreatedEvent, count_new_client, lookup=owner_of),)
