"""Subscriptions to events of other services; their handlers write rows and nothing else."""

from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Transaction
from nats_utils import Subscription, required_instant
from service_kit import Owner, owner_of

from service_relance import rules
from service_relance.models import NOUVEAU_CLIENT
from service_relance.regles import applying_rule


async def plan_welcome(event: ClientCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Plan the welcome call of the new client, once per client (R7)."""
    created_at = required_instant(event, "created_at", "timestamp")
    if owner is None:  # clients knows no such client: deleted, or never its own
        return
    regle = await applying_rule(tx, owner.organisation_id, owner.societe_id, NOUVEAU_CLIENT)
    if regle is not None:
        planned = rules.bienvenue(regle, event.client_id, owner.societe_id, created_at)
        await tx.insert(planned, if_absent=True)


SUBSCRIPTIONS = (Subscription(ClientCreatedEvent, plan_welcome, lookup=owner_of),)
