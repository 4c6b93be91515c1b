"""Rules of payments made, confirmed, refused and refunded by people, as pure functions (R13, R21, R22)."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from crm.payments import payments_pb2 as pb
from db_utils import clock, parse_uuid, uuid7
from grpc_utils import at_most, content_hash, money, one_of, opaque_id, optional_date, required
from grpc_utils.errors import (
    DateInvalide,
    FailedPrecondition,
    InvalidArgument,
    MontantInvalide,
    OrganisationRequise,
    TransitionInterdite,
)
from service_kit import rejets

from service_payments.emission_rules import end_to_end_id
from service_payments.models import (
    MOYENS,
    PAID,
    PARTIALLY_REFUNDED,
    PENDING,
    SEPA_DEBIT,
    SUBMITTED,
    Payment,
    Remboursement,
)
from service_payments.pain008 import LARGEST
from service_payments.psp import SEPA_FILE

LONGEST_TEXT: Final = 140
LONGEST_MOTIF: Final = 255
LONGEST_MESSAGE: Final = 500
LONGEST_KEY: Final = 255
_EARLY: Final = timedelta(days=5)  # a bank refuses a debit at most so long before its day
_LATE: Final = timedelta(days=400)  # money that was received earlier is a mistyped year


class MandatAbsent(FailedPrecondition):
    """Aucun mandat actif ne permet ce prélèvement."""


class DejaReglee(FailedPrecondition):
    """La facture est réglée ou annulée : rien n'est plus dû."""


class DateNonEligible(FailedPrecondition):
    """Ce jour n'est pas ouvré ou trop proche pour une remise à la banque."""


class PaiementNonRejete(FailedPrecondition):
    """Seul un prélèvement rejeté peut être représenté."""


class PaiementEnCours(FailedPrecondition):
    """Un autre paiement de cette échéance est en cours ou reçu."""


class EcheanceAnnulee(FailedPrecondition):
    """L'échéance est annulée."""


class AvoirRequis(FailedPrecondition):
    """Un avoir doit précéder le remboursement d'une facture qui n'a pas de trop-perçu."""


class MontantTropEleve(InvalidArgument):
    """Le remboursement dépasse ce qui reste du paiement."""


@dataclass(frozen=True, slots=True)
class Rejet:
    """What a person says of a payment that came back."""

    code: str
    day: date
    texte: str | None


def asked_payment(request: pb.CreatePaymentRequest) -> dict[str, Any]:
    """Check *request* and return its columns, without what its invoice or schedule say.

    Raises InvalidArgument.
    """
    if not request.organisation_id:
        raise OrganisationRequise
    moyen = one_of(request.moyen, MOYENS, "moyen")
    debit = moyen == SEPA_DEBIT
    day = optional_date(request.date_prelevement, "date_prelevement")
    return {
        "organisation_id": request.organisation_id,
        "client_id": opaque_id(required(request.client_id, "client_id"), "client_id"),
        "societe_id": opaque_id(request.societe_id, "societe_id") or "",
        "montant": amount(request.montant, debit=debit),
        "moyen": moyen,
        "provider": SEPA_FILE if debit else "",
        "facture_id": opaque_id(request.facture_id, "facture_id"),
        "date_prelevement": day or (clock.today() if debit else None),
        "libelle": at_most(request.libelle, LONGEST_TEXT, "libelle") or None,
        "cle_idempotence": key_of(request.idempotency_key),
        "contenu_hash": content_hash(request) if request.idempotency_key else None,
    }


def retried(original: Payment, request: pb.RetryPaymentRequest, day: date, **columns: Any) -> Payment:
    """Make the payment that presents *original* again on *day* (R20)."""
    return new_payment(
        organisation_id=original.organisation_id,
        client_id=original.client_id,
        societe_id=original.societe_id,
        moyen=original.moyen,
        provider=original.provider,
        facture_id=original.facture_id,
        contrat_id=original.contrat_id,
        schedule_id=original.schedule_id,
        echeance_id=original.echeance_id,
        parent_payment_id=original.id,
        retry_attempt_id=opaque_id(request.retry_attempt_id, "retry_attempt_id"),
        libelle=original.libelle,
        date_prelevement=day,
        cle_idempotence=key_of(required(request.idempotency_key, "idempotency_key")),
        contenu_hash=content_hash(request),
        **columns,
    )


def new_payment(**columns: Any) -> Payment:
    """Make a row under an id and an EndToEndId of its own."""
    payment_id = uuid7()
    return Payment(id=payment_id, end_to_end_id=end_to_end_id(payment_id), **columns)


def amount(value: float, *, debit: bool = False) -> Decimal:
    """Return an amount of at least a cent, which a file for a bank can write. Raises MontantInvalide."""
    montant = money(value, "montant", positive=True)
    if debit and montant > LARGEST:
        raise MontantInvalide(f"maximum d'un prélèvement : {LARGEST}", champ="montant")
    return montant


def key_of(text: str) -> str | None:
    """Return an idempotency key of a request, None for an empty one. Raises TropLong."""
    return at_most(text, LONGEST_KEY, "idempotency_key") or None


def received_on(text: str, payment: Payment) -> date:
    """Return the day on which *payment* was received, by default today (R18). Raises DateInvalide."""
    day = _come(optional_date(text, "date_reception") or clock.today(), "date_reception")
    if payment.moyen == SEPA_DEBIT and payment.date_prelevement is not None:
        if day < payment.date_prelevement - _EARLY:
            raise DateInvalide("plus de 5 jours avant le prélèvement", champ="date_reception")
    elif day < clock.today() - _LATE:
        raise DateInvalide("plus de 400 jours dans le passé", champ="date_reception")
    return day


def rejection(request: pb.RejectPaymentRequest, payment: Payment) -> Rejet:
    """Check what *request* says of *payment* (R22). Raises InvalidArgument."""
    code = one_of(request.motif_rejet, sorted(rejets.CODES), "motif_rejet")
    day = _come(optional_date(request.date_rejet, "date_rejet") or clock.today(), "date_rejet")
    if payment.date_prelevement is not None and day < payment.date_prelevement - _EARLY:
        raise DateInvalide("plus de 5 jours avant le prélèvement", champ="date_rejet")
    return Rejet(code, day, at_most(request.message, LONGEST_MESSAGE, "message") or None)


def require_confirmable(payment: Payment) -> None:
    """Refuse to confirm what a bank has not yet (R13). Raises TransitionInterdite."""
    wanted = SUBMITTED if payment.moyen == SEPA_DEBIT else PENDING
    if payment.statut != wanted:
        raise TransitionInterdite(
            f"un paiement par {payment.moyen} se confirme depuis {wanted}",
            de=payment.statut,
            vers=PAID,
        )


def refundable(payment: Payment) -> Decimal:
    """Return what is left of *payment* to be refunded (R21). Raises TransitionInterdite."""
    if payment.statut not in (PAID, PARTIALLY_REFUNDED):
        raise TransitionInterdite(
            f"un remboursement se fait depuis {PAID} ou {PARTIALLY_REFUNDED}",
            de=payment.statut,
            vers=PARTIALLY_REFUNDED,
        )
    return payment.montant - payment.montant_rembourse


def new_remboursement(request: pb.RefundPaymentRequest, payment: Payment) -> Remboursement:
    """Make the refund of *request*. Raises InvalidArgument."""
    return Remboursement(
        organisation_id=payment.organisation_id,
        payment_id=payment.id,
        montant=amount(request.montant),
        motif=at_most(required(request.motif, "motif"), LONGEST_MOTIF, "motif"),
        cle_idempotence=key_of(required(request.idempotency_key, "idempotency_key")),
        contenu_hash=content_hash(request),
    )


def ours(reference: str | None) -> bool:
    """Whether an id is one that a service of ours has made (C2)."""
    return parse_uuid(reference or "") is not None


def _come(day: date, champ: str) -> date:
    if day > clock.today():
        raise DateInvalide("la date ne peut pas être future", champ=champ)
    return day
