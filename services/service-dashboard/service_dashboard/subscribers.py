"""Effects of other services' events: rows in the tables of this service, and nothing else."""

import logging

from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent, PaymentReceivedEvent
from db_utils import Transaction
from nats_utils import Subscription
from service_kit import Owner, invalid_when_refused, owner_of

from service_dashboard import rules
from service_dashboard.models import FactureVue, PaiementVu

_log = logging.getLogger(__name__)
_Seen = FactureVue | PaiementVu


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
        first = await tx.get(FactureVue, (seen.organisation_id, seen.invoice_id))
        _compare("invoice", seen.invoice_id, first, seen)


async def count_receipt(event: PaymentReceivedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Remember the receipt; of two announcements of one payment the first stays (R22).

    A receipt without *owner* is that of a client whom nobody knows: it leaves nothing. Raises
    InvalidEvent when the event says what no receipt says.
    """
    if owner is None:
        return
    with invalid_when_refused():
        seen = rules.paiement_vu(event, owner)
    if not await tx.insert_if_absent(seen):
        first = await tx.get(PaiementVu, (seen.organisation_id, seen.payment_id))
        _compare("payment", seen.payment_id, first, seen)


def _compare(kind: str, identity: str, first: _Seen | None, again: _Seen) -> None:
    """Log when the first announcement of a thing had another amount."""
    if first is not None and first.montant != again.montant:
        _log.warning(
            "%s %s stays at %s, and is announced with %s", kind, identity, first.montant, again.montant
        )


SUBSCRIPTIONS = (
    Subscription(ClientCreatedEvent, count_new_client, lookup=owner_of),
    Subscription(InvoiceCreatedEvent, count_new_invoice, lookup=owner_of),
    Subscription(PaymentReceivedEvent, count_receipt, lookup=owner_of),
)
