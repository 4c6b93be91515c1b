"""payment.received: commissions of what a client has paid; each payment has its effect once."""

from dataclasses import dataclass, replace

from crm.events.business_pb2 import PaymentReceivedEvent
from crm.payments.payments_pb2 import GetPaymentRequest
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from db_utils import Scope, Transaction, parse_uuid, within
from db_utils.clock import PARIS
from grpc_utils import Peers, answered_or_none, money, opaque_id
from grpc_utils.errors import FailedPrecondition
from nats_utils import Subscription, required_instant, required_text
from service_kit import App, Settings, invalid_when_refused, owner_of

from service_commission import audit, encaissements
from service_commission.dossiers import Dossier, Recu, dossier_of


@dataclass(frozen=True, slots=True)
class Encaissement:
    """A payment that was received, with its dossier, or the reason for which it is worth nothing (R1)."""

    recu: Recu
    dossier: Dossier | None = None
    raison: str = ""


async def received_payment(event: PaymentReceivedEvent, app: App[Settings]) -> Encaissement | None:
    """Ask the other services about the payment of *event*; None when nobody knows its client.

    Raises InvalidEvent when the event says what no receipt says, Unavailable while a service is away.
    """
    required_text(event, "payment_id")
    owner = await owner_of(event, app)
    if owner is None:
        return None
    with invalid_when_refused():
        recu = _recu(event, owner.organisation_id, event.societe_id)
    with within(Scope(owner.organisation_id)):
        recu = await _completed(app.peers, recu)
        try:
            return Encaissement(recu, await dossier_of(app.peers, recu))
        except FailedPrecondition as refusal:
            return Encaissement(recu, raison=refusal.reason)


async def commission_payment(
    event: PaymentReceivedEvent, tx: Transaction, received: Encaissement | None
) -> None:
    """Write the commissions of a payment, or note why it has none (R1)."""
    if received is None:
        return
    recu = received.recu
    organisation_id, payment_id = recu.organisation_id, event.payment_id
    with within(Scope(organisation_id)):
        await encaissements.alone_with_payment(tx, organisation_id, payment_id)
        if await encaissements.commissioned(tx, payment_id):
            return
        if received.dossier is not None:
            await encaissements.attribute(tx, received.dossier, audit.SYSTEME)
        else:
            told = {"raison": received.raison, "contrat_id": recu.contrat_id, "montant": str(recu.montant)}
            await encaissements.journal(
                tx, organisation_id, payment_id, encaissements.IGNORE, told, audit.SYSTEME
            )


def _recu(event: PaymentReceivedEvent, organisation_id: str, societe_id: str) -> Recu:
    return Recu(
        organisation_id=organisation_id,
        contrat_id=opaque_id(event.contrat_id, "contrat_id") or "",
        jour=required_instant(event, "date_reception", "timestamp").astimezone(PARIS).date(),
        montant=money(event.montant, "montant", positive=True),
        payment_id=opaque_id(event.payment_id, "payment_id"),
        client_id=opaque_id(event.client_id, "client_id"),
        facture_id=opaque_id(event.facture_id, "facture_id"),
        societe_id=opaque_id(societe_id, "societe_id") or "",
    )


async def _completed(peers: Peers, recu: Recu) -> Recu:
    """The receipt with the contract and the invoice that payments knows, where the event names none."""
    payment_id = recu.payment_id or ""
    if (recu.contrat_id and recu.facture_id) or parse_uuid(payment_id) is None:
        return recu
    payments = peers.stub(PaymentServiceStub)
    payment = await answered_or_none(payments.Get(GetPaymentRequest(id=payment_id)))
    if payment is None:  # of a publisher outside
        return recu
    return replace(
        recu,
        contrat_id=recu.contrat_id or payment.contrat_id,
        facture_id=recu.facture_id or payment.facture_id or None,
    )


SUBSCRIPTIONS = (Subscription(PaymentReceivedEvent, commission_payment, lookup=received_payment),)
