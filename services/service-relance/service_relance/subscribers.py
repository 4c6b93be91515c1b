"""Subscriptions to events of other services; their handlers write rows and nothing else."""

from dataclasses import dataclass
from datetime import date

from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent
from crm.factures.factures_pb2 import GetFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import Scope, Transaction, parse_uuid, within
from grpc_utils import answered_or_none
from nats_utils import Subscription, required_instant
from service_kit import App, Owner, Settings, invalid_when_refused, owner_of

from service_relance import rules
from service_relance.models import IMPAYE, NOUVEAU_CLIENT
from service_relance.regles import applying_rules


@dataclass(frozen=True, slots=True)
class Annonce:
    """Owner of an announced invoice, and its due date where the event does not tell it."""

    owner: Owner
    date_echeance: date | None


async def plan_welcome(event: ClientCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Plan the welcome call of the new client, once per client (R7)."""
    created_at = required_instant(event, "created_at", "timestamp")
    if owner is None:  # clients knows no such client: deleted, or never its own
        return
    for regle in await applying_rules(tx, owner.organisation_id, owner.societe_id, NOUVEAU_CLIENT):
        planned = rules.bienvenue(regle, event.client_id, owner.societe_id, created_at)
        await tx.insert(planned, if_absent=True)


async def announced_invoice(event: InvoiceCreatedEvent, app: App[Settings]) -> Annonce | None:
    """Owner and due date of the invoice of *event*; None when nobody knows its client.

    The due date is asked of factures when the event does not tell it. Raises like `owner_of`, and
    Unavailable while factures is silent.
    """
    owner = await owner_of(event, app)
    if owner is None:
        return None
    if event.HasField("date_echeance") or parse_uuid(event.invoice_id) is None:
        return Annonce(owner, None)
    with within(Scope(owner.organisation_id)):
        factures = app.peers.stub(InvoiceServiceStub)
        facture = await answered_or_none(factures.Get(GetFactureRequest(id=event.invoice_id)))
    known = facture is not None and facture.date_echeance
    return Annonce(owner, date.fromisoformat(known) if known else None)


async def plan_reminders_of_invoice(
    event: InvoiceCreatedEvent, tx: Transaction, announced: Annonce | None
) -> None:
    """Plan a reminder for each level of unpaid invoices, once per invoice and level (R6).

    Raises InvalidEvent when the event says what no invoice says.
    """
    if announced is None:  # clients knows no such client: deleted, or never its own
        return
    with invalid_when_refused():
        facture = rules.facture(event, announced.date_echeance)
    owner = announced.owner
    for regle in await applying_rules(tx, owner.organisation_id, owner.societe_id, IMPAYE):
        await tx.insert(rules.impaye(regle, facture, owner.societe_id), if_absent=True)


SUBSCRIPTIONS = (
    Subscription(ClientCreatedEvent, plan_welcome, lookup=owner_of),
    Subscription(InvoiceCreatedEvent, plan_reminders_of_invoice, lookup=announced_invoice),
)
