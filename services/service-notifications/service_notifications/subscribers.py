"""Effects of other services' events: rows in the tables of this service, and nothing else."""

from crm.events.business_pb2 import (
    ClientCreatedEvent,
    InvoiceCreatedEvent,
    PaymentReceivedEvent,
    PaymentRejectedEvent,
)
from db_utils import Transaction
from nats_utils import Subscription
from service_kit import Owner, invalid_when_refused, owner_of

from service_notifications import paiements, rules
from service_notifications.charges_de_compte import Reader, reader_of


async def notify_new_client(event: ClientCreatedEvent, tx: Transaction, reader: Reader | None) -> None:
    """Tell the account manager, or the sales team, about the new client, once per event (R18).

    A client without *reader* is one that nobody knows: nobody is told.
    """
    if reader is not None:
        told = rules.nouveau_client(event, reader.organisation_id, reader.utilisateur_id)
        await tx.insert(told, if_absent=True)


async def notify_new_invoice(event: InvoiceCreatedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Tell the finance team about the new invoice, once per event (R20).

    An invoice without *owner* is that of a client whom nobody knows: nobody is told. Raises InvalidEvent
    when the event says what no invoice says.
    """
    if owner is not None:
        with invalid_when_refused():
            told = rules.nouvelle_facture(event, owner.organisation_id)
        await tx.insert(told, if_absent=True)


async def notify_receipt(event: PaymentReceivedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Tell the finance team that money has come, once per event (R21).

    A payment without *owner* is that of a client whom nobody knows: nobody is told. Raises InvalidEvent
    when the event says what no payment says.
    """
    if owner is not None:
        with invalid_when_refused():
            told = paiements.paiement_recu(event, owner.organisation_id)
        await tx.insert(told, if_absent=True)


async def notify_rejection(event: PaymentRejectedEvent, tx: Transaction, owner: Owner | None) -> None:
    """Tell the finance team that a payment was rejected, once per event (R22).

    Raises like `notify_receipt`.
    """
    if owner is not None:
        with invalid_when_refused():
            told = paiements.paiement_rejete(event, owner.organisation_id)
        await tx.insert(told, if_absent=True)


SUBSCRIPTIONS = (
    Subscription(ClientCreatedEvent, notify_new_client, lookup=reader_of),
    Subscription(InvoiceCreatedEvent, notify_new_invoice, lookup=owner_of),
    Subscription(PaymentReceivedEvent, notify_receipt, lookup=owner_of),
    Subscription(PaymentRejectedEvent, notify_rejection, lookup=owner_of),
)
