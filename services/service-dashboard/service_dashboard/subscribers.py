"""Effects of other services' events: rows in the tables of this service, and nothing else."""

import logging

from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent
from db_utils import Transaction
from nats_utils import Subscription
from service_kit import Owner, invalid_when_refused, owner_of

from service_dashboard import rules
from service_dashboard.models import FactureVue

_log = logging.getLogger(__name__)


async def count_new_client(event: ClientCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Remember the new client; of two announcements of one client the first stays (R20).

    A client without *owner* is one that nobody knows: it leaves nothing.
    """
    if owner is not None:
        seen = rules.client_vu(event, owner.organisation_id, owner.societe_id)
        await tx.insert(seen, if_absent=True)


async def count_new_invoice(event: InvoiceCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Remember the invoice; of two announcements of one invoice the first stays (R21).

    An invoice without *owner* is that of a client whom nobody knows: it leaves nothing. Raises
    InvalidEvent when the event says what no invoice says.
    """
    if owner is None:
        return
    with invalid_when_refused():
        seen = rules.facture_vue(event, owner)
    if not await tx.insert_if_absent(seen):
        await _compare(tx, seen)


async def _compare(tx: Transaction, again: FactureVue) -> None:
    """Log when the first announcement of an invoice had another amount."""
    first = await tx.get(FactureVue, (again.organisation_id, again.invoice_id))
    if first is not None and first.montant != again.montant:
        _log.warning(
            "invoice %s stays at %s, and is announced with %s", first.invoice_id, first.montant, again.montant
        )


SUBSCRIPTIONS = (
    Subscription(ClientCreatedEvent, count_new_client, lookup=owner_of),
    Subscription(InvoiceCreatedEvent, count_new_invoice, lookup=owner_of),
)
