"""Subscriptions to events of other services; their handlers write rows and nothing else.

What other services are asked is asked before the transaction: owner, due date, days of the calendar.
Those of events about payments are in `paiements.py`.
"""

from dataclasses import dataclass
from datetime import date

from crm.events.business_pb2 import (
    ClientCreatedEvent,
    InvoiceCreatedEvent,
    PaymentReceivedEvent,
    PaymentRejectedEvent,
)
from db_utils import Scope, Transaction, within
from db_utils.clock import PARIS
from nats_utils import Subscription, required_instant
from service_kit import App, Owner, Settings, invalid_when_refused, owner_of

from service_relance import rules
from service_relance.calendrier import eligible_days
from service_relance.models import IMPAYE, NOUVEAU_CLIENT
from service_relance.paiements import note_received, note_rejected, received_payment, rejected_payment
from service_relance.regles import applying_rules, expected_rules
from service_relance.renseignements import facture_of
from service_relance.rules import Facture, Jours


@dataclass(frozen=True, slots=True)
class Arrivee:
    """A new client's owner, the day of its creation, and the days on which it may be called."""

    owner: Owner
    creation: date
    jours: Jours


@dataclass(frozen=True, slots=True)
class Annonce:
    """An announced invoice with its owner, and the days on which it may be asked for."""

    owner: Owner
    facture: Facture
    jours: Jours


async def _days_after(app: App[Settings], owner: Owner, declencheur: str, base: date) -> Jours:
    """Ask the calendar for the days that the rules of *owner* count from *base*."""
    organisation_id, societe_id = owner.organisation_id, owner.societe_id
    with within(Scope(organisation_id)):
        expected = await expected_rules(app.database.read(), organisation_id, societe_id, declencheur)
        days = [rules.after(base, regle.delai_jours) for regle in expected]
        return await eligible_days(app, societe_id, days)


async def arrived_client(event: ClientCreatedEvent, app: App[Settings]) -> Arrivee | None:
    """Owner of the new client and the days on which it may be called; None when nobody knows it.

    Raises like `owner_of`.
    """
    creation = required_instant(event, "created_at", "timestamp").astimezone(PARIS).date()
    owner = await owner_of(event, app)
    if owner is None:  # clients knows no such client: deleted, or never its own
        return None
    return Arrivee(owner, creation, await _days_after(app, owner, NOUVEAU_CLIENT, creation))


async def plan_welcome(event: ClientCreatedEvent, tx: Transaction, arrived: Arrivee | None) -> None:
    """Plan the welcome call of the new client, once per client (R7)."""
    if arrived is None:
        return
    owner = arrived.owner
    for regle in await applying_rules(tx, owner.organisation_id, owner.societe_id, NOUVEAU_CLIENT):
        planned = rules.bienvenue(regle, event.client_id, owner.societe_id, arrived.creation, arrived.jours)
        await tx.insert(planned, if_absent=True)


async def announced_invoice(event: InvoiceCreatedEvent, app: App[Settings]) -> Annonce | None:
    """Invoice of *event* with its owner and days; None when nobody knows its client.

    The due date is asked of factures when the event does not tell it. Raises like `owner_of`,
    InvalidEvent when the event says what no invoice says, and Unavailable while factures is silent.
    """
    owner = await owner_of(event, app)
    if owner is None:  # clients knows no such client: deleted, or never its own
        return None
    with invalid_when_refused():
        facture = rules.facture(event, await _known_due_date(event, app, owner))
    return Annonce(owner, facture, await _days_after(app, owner, IMPAYE, facture.date_echeance))


async def _known_due_date(event: InvoiceCreatedEvent, app: App[Settings], owner: Owner) -> date | None:
    if event.HasField("date_echeance"):
        return None
    with within(Scope(owner.organisation_id)):
        facture = await facture_of(app, event.invoice_id)
    known = facture is not None and facture.date_echeance
    return date.fromisoformat(known) if known else None


async def plan_reminders_of_invoice(
    event: InvoiceCreatedEvent, tx: Transaction, announced: Annonce | None
) -> None:
    """Plan a reminder for each level of unpaid invoices, once per invoice and level (R6)."""
    if announced is None:
        return
    owner = announced.owner
    for regle in await applying_rules(tx, owner.organisation_id, owner.societe_id, IMPAYE):
        planned = rules.impaye(regle, announced.facture, owner.societe_id, announced.jours)
        await tx.insert(planned, if_absent=True)


SUBSCRIPTIONS = (
    Subscription(ClientCreatedEvent, plan_welcome, lookup=arrived_client),
    Subscription(InvoiceCreatedEvent, plan_reminders_of_invoice, lookup=announced_invoice),
    Subscription(PaymentReceivedEvent, note_received, lookup=received_payment),
    Subscription(PaymentRejectedEvent, note_rejected, lookup=rejected_payment),
)
