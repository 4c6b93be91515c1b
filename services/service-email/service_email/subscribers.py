"""Effects of other services' events: one message each, sent after the commit."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import grpc
from crm.clients.clients_pb2 import ClientBase, GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.contrats.contrats_pb2 import GetContratRequest
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.events.business_pb2 import (
    ClientCreatedEvent,
    ContractSignedEvent,
    InvoiceCreatedEvent,
    PaymentRejectedEvent,
)
from db_utils import Scope, Transaction, parse_uuid, within
from grpc_utils import answered_or_none, reason_of
from grpc_utils.errors import Refusal
from nats_utils import Subscription
from service_kit import App, invalid_when_refused, owner_of

from service_email import evenements, rejets
from service_email.applying import applying_modele
from service_email.departs import Depart, depart_of_event
from service_email.evenements import Correspondants, Expediteur
from service_email.models import Message
from service_email.settings import EmailSettings
from service_email.signatures import signature_of

_log = logging.getLogger(__name__)

_AboutClient = ContractSignedEvent | InvoiceCreatedEvent | PaymentRejectedEvent


async def sender_of(event: ClientCreatedEvent | _AboutClient, app: App[EmailSettings]) -> Expediteur | None:
    """The organisation of the client of *event*; None when nobody knows the client.

    Raises like `owner_of`.
    """
    owner = await owner_of(event, app)
    if owner is None:
        return None
    settings = app.settings
    return Expediteur(
        owner.organisation_id, Depart(settings.smtp_from), settings.app_base_url, owner.societe_id
    )


async def correspondents_of(event: _AboutClient, app: App[EmailSettings]) -> Correspondants | None:
    """The sender, who signs, and the client of *event*, whom clients tells; None when nobody knows him.

    Raises like `sender_of`.
    """
    sender = await sender_of(event, app)
    if sender is None:
        return None
    with within(Scope(sender.organisation_id)):
        client, signature = await asyncio.gather(
            _client(event.client_id, app),
            signature_of(app.peers, sender.organisation_id, sender.societe_id),
        )
    return Correspondants(sender, client, signature=signature)


async def parties_of(event: ContractSignedEvent, app: App[EmailSettings]) -> Correspondants | None:
    """The same for a contract, with the reference that contrats tells; "" while contrats is silent.

    Raises like `sender_of`.
    """
    between = await correspondents_of(event, app)
    if between is None or parse_uuid(event.contrat_id) is None:
        return between
    with within(Scope(between.expediteur.organisation_id)):
        return replace(between, reference=await _reference(event.contrat_id, app))


async def _reference(contrat_id: str, app: App[EmailSettings]) -> str:
    contrats = app.peers.stub(ContratServiceStub)
    try:
        return (await contrats.Get(GetContratRequest(id=contrat_id))).reference
    except (Refusal, grpc.aio.AioRpcError) as error:
        # A mail in time is worth more than the reference in it.
        _log.warning("the mail about contract %s does not name it: %s", contrat_id, reason_of(error))
        return ""


async def _client(client_id: str, app: App[EmailSettings]) -> ClientBase | None:
    if parse_uuid(client_id) is None:  # of an outside system (C2): the clients service has no such client
        return None
    clients = app.peers.stub(ClientBaseServiceStub)
    return await answered_or_none(clients.Get(GetClientBaseRequest(id=client_id)))


async def send_welcome_mail(event: ClientCreatedEvent, tx: Transaction, sender: Expediteur | None) -> None:
    """Store the welcome mail of the new client, or note that he has no address (R21).

    Raises InvalidEvent when the event can make no mail.
    """
    if sender is not None:
        sender = await _leaving(tx, sender)
        modele = await applying_modele(tx, evenements.BIENVENUE_CLIENT, sender.organisation_id)
        await _store(tx, lambda: evenements.welcome(event, sender, modele))


async def send_contract_mail(
    event: ContractSignedEvent, tx: Transaction, between: Correspondants | None
) -> None:
    """Store the mail about the signed contract, or note that its client cannot be reached (R24).

    Raises InvalidEvent when the event can make no mail.
    """
    if between is not None:
        between = replace(between, expediteur=await _leaving(tx, between.expediteur))
        modele = await applying_modele(tx, evenements.CONTRAT_SIGNE, between.expediteur.organisation_id)
        await _store(tx, lambda: evenements.contract_signed(event, between, modele))


async def send_invoice_mail(
    event: InvoiceCreatedEvent, tx: Transaction, between: Correspondants | None
) -> None:
    """Store the mail about the invoice, or note that its client cannot be reached (R25).

    Raises InvalidEvent when the event can make no mail.
    """
    if between is not None:
        between = replace(between, expediteur=await _leaving(tx, between.expediteur))
        organisation_id = between.expediteur.organisation_id
        modele = await applying_modele(tx, evenements.FACTURE_EMISE, organisation_id)
        jointe = modele  # what an organisation has written itself applies to both
        if modele.organisation_id is None:
            jointe = await applying_modele(tx, evenements.FACTURE_JOINTE, organisation_id)
        await _store(tx, lambda: evenements.invoice_issued(event, between, modele, jointe))


async def send_rejection_mail(
    event: PaymentRejectedEvent, tx: Transaction, between: Correspondants | None
) -> None:
    """Store the mail about the rejected payment, or note why its client is not written to (R27).

    Raises InvalidEvent when the event can make no mail.
    """
    if between is not None:
        between = replace(between, expediteur=await _leaving(tx, between.expediteur))
        organisation_id = between.expediteur.organisation_id
        modele = await applying_modele(tx, rejets.PAIEMENT_REJETE, organisation_id)
        await _store(tx, lambda: rejets.payment_rejected(event, between, modele))


async def _leaving(tx: Transaction, sender: Expediteur) -> Expediteur:
    """*sender* with the mailbox that is the default of its société or organisation, if any (R6)."""
    depart = await depart_of_event(tx, sender.organisation_id, sender.societe_id, sender.depart.de)
    return replace(sender, depart=depart)


async def _store(tx: Transaction, make: Callable[[], Message]) -> None:
    """Store the message that *make* makes, unless its key is taken. Raises InvalidEvent."""
    with invalid_when_refused():
        message = make()
    await tx.insert(message, if_absent=True)


SUBSCRIPTIONS = (
    Subscription(ClientCreatedEvent, send_welcome_mail, lookup=sender_of),
    Subscription(ContractSignedEvent, send_contract_mail, lookup=parties_of),
    Subscription(InvoiceCreatedEvent, send_invoice_mail, lookup=correspondents_of),
    Subscription(PaymentRejectedEvent, send_rejection_mail, lookup=correspondents_of),
)
