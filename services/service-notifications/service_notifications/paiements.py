"""Notifications of payments for the finance team (R21, R22), as pure functions: rows from events."""

from typing import Any

from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from grpc_utils import clean_text, money, opaque_id, required, written_amount
from service_kit import rejets

from service_notifications.models import CRITIQUE, EQUIPE, FINANCE, Notification


def paiement_recu(event: PaymentReceivedEvent, organisation_id: str) -> Notification:
    """The notification of money that has come (R21). Raises ChampRequis, FormatInvalide, MontantInvalide."""
    montant = money(event.montant, "montant")
    return _about(
        event,
        organisation_id,
        {"montant": float(montant)},
        type="PAIEMENT_RECU",
        titre="Paiement reçu",
        message=f"Paiement de {written_amount(montant)} reçu.",
        cle_idempotence=f"payment.received:{event.event_id}",
    )


def paiement_rejete(event: PaymentRejectedEvent, organisation_id: str) -> Notification:
    """The notification of money that has not come, or gone back (R22).

    Raises ChampRequis, FormatInvalide, MontantInvalide.
    """
    montant = money(event.montant, "montant")
    code = rejets.normal_code(clean_text(event.motif_rejet, "motif_rejet"))
    told: dict[str, Any] = {"montant": float(montant)} if montant else {}
    return _about(
        event,
        organisation_id,
        told | ({"motif_rejet": code} if code else {}),
        type="PAIEMENT_REJETE",
        niveau=CRITIQUE,
        titre="Paiement rejeté",
        message=f"Paiement rejeté{f' ({code})' if code else ''}. {_next(code)}",
        cle_idempotence=f"payment.rejected:{event.event_id}",
    )


def _next(code: str) -> str:
    """What happens next: retry presents again what was rejected with a *code* of its class."""
    return "Nouvelle tentative à suivre." if rejets.class_of(code) == rejets.RETRY else "À traiter."


def _about(
    event: PaymentReceivedEvent | PaymentRejectedEvent,
    organisation_id: str,
    metadata: dict[str, Any],
    **columns: Any,
) -> Notification:
    """The notification for the finance team about the payment of *event*."""
    payment_id = opaque_id(required(event.payment_id, "payment_id"), "payment_id") or ""
    ids = {
        champ: opaque_id(getattr(event, champ), champ) for champ in ("client_id", "facture_id", "contrat_id")
    }
    named = {champ: known for champ, known in ids.items() if known}
    return Notification(
        organisation_id=organisation_id,
        destinataire_type=EQUIPE,
        destinataire_id=FINANCE,
        metadata_={"payment_id": payment_id} | named | metadata,
        lien_url=f"/paiements/{payment_id}",
        **columns,
    )
