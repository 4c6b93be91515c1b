"""Effects of other services' events: rows in the tables of this service, and nothing else."""

import logging

from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent, PaymentReceivedEvent
from db_utils import Transaction
from nats_utils import Subscription
from service_kit import Owner, invalid_when_refused

from service_dashboard import orphelins, rules
from service_dashboard.models import FactureVue, PaiementVu

_log = logging.getLogger(__name__)
_Seen = FactureVue | PaiementVu


async def count_new_client(event: ClientCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Remember the new client; of two announcements of one client the first stays (R20).

    Without *owner* the event waits for somebody who knows the client (R23).
    """
    of = owner or orphelins.UNKNOWN
    seen = rules.client_vu(event, of.organisation_id, of.societe_id)
    if owner is None:
        await orphelins.keep(tx, event)
    else:
        await tx.insert(seen, if_absent=True)


async def count_new_invoice(event: InvoiceCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Remember the invoice; of two announcements of one invoice the first stays (R21).

    Without *owner* the event waits for somebody who knows its client (R23). Raises InvalidEvent when the
    event says what no invoice says.
    """
    with invalid_when_refused():
        seen = rules.facture_vue(event, owner or orphelins.UNKNOWN)
    if owner is None:
        await orphelins.keep(tx, event)
        return
    first = await tx.get(FactureVue, (seen.organisation_id, seen.invoice_id))
    await _count_once(tx, first, seen, f"invoice {seen.invoice_id}")


async def count_receipt(event: PaymentReceivedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Remember the receipt; of two announcements of one payment the first stays (R22).

    Without *owner* the event waits for somebody who knows its client (R23). Raises InvalidEvent when the
    event says what no receipt says.
    """
    with invalid_when_refused():
        seen = rules.paiement_vu(event, owner or orphelins.UNKNOWN)
    if owner is None:
        await orphelins.keep(tx, event)
        return
    first = await tx.get(PaiementVu, (seen.organisation_id, seen.payment_id))
    await _count_once(tx, first, seen, f"payment {seen.payment_id}")


async def _count_once(tx: Transaction, first: _Seen | None, seen: _Seen, what: str) -> None:
    """Insert *seen* unless it was announced before, as *first*; log another amount.

    An announcement that another process is counting at this moment is left out by its key.
    """
    if first is None:
        await tx.insert(seen, if_absent=True)
    elif first.montant != seen.montant:
        _log.warning("%s stays at %s, and is announced with %s", what, first.montant, seen.montant)


SUBSCRIPTIONS = (
    Subscription(ClientCreatedEvent, count_new_client, lookup=orphelins.owner_for),
    Subscription(InvoiceCreatedEvent, count_new_invoice, lookup=orphelins.owner_for),
    Subscription(PaymentReceivedEvent, count_receipt, lookup=orphelins.owner_for),
)
