"""Subscriptions to events of other services; their handlers write rows and nothing else."""

from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent
from db_utils import Transaction
from nats_utils import Subscription, required_instant
from service_kit import Owner, invalid_when_refused, owner_of

from service_relance import rules
from service_relance.models import IMPAYE, NOUVEAU_CLIENT
from service_relance.regles import applying_rules


async def plan_welcome(event: ClientCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Plan the welcome call of the new client, once per client (R7)."""
    created_at = required_instant(event, "created_at", "timestamp")
    if owner is None:  # clients knows no such client: deleted, or never its own
        return
    for regle in await applying_rules(tx, owner.organisation_id, owner.societe_id, NOUVEAU_CLIENT):
        planned = rules.bienvenue(regle, event.client_id, owner.societe_id, created_at)
        await tx.insert(planned, if_absent=True)


async def plan_reminders_of_invoice(event: InvoiceCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Plan a reminder for each level of unpaid invoices, once per invoice and level (R6).

    Raises InvalidEvent when the event says what no invoice says.
    """
    with invalid_when_refused():
        facture = rules.facture(event)
    if owner is None:
        return
    for regle in await applying_rules(tx, owner.organisation_id, owner.societe_id, IMPAYE):
        await tx.insert(rules.impaye(regle, facture, owner.societe_id), if_absent=True)


SUBSCRIPTIONS = (
    Subscription(ClientCreatedEvent, plan_welcome, lookup=owner_of),
    Subscription(InvoiceCreatedEvent, plan_reminders_of_invoice, lookup=owner_of),
)
