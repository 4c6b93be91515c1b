"""The mail about a rejected payment (R27), as pure functions: what the client reads depends on the reason."""

from collections.abc import Mapping
from typing import Final

from crm.events.business_pb2 import PaymentRejectedEvent
from grpc_utils import money, opaque_id, written_amount
from nats_utils import required_text
from service_kit import rejets

from service_email.evenements import Correspondants, to_client
from service_email.models import Message, Modele

PAIEMENT_REJETE: Final = "PAIEMENT_REJETE"
_BANK_DETAILS_PAGE: Final = "coordonnees-bancaires"
_NOT_TOLD: Final = "Ce motif de rejet n'est pas annoncé au client."

_AGAIN: Final = (
    "Merci de veiller à ce que votre compte soit suffisamment approvisionné. Le prélèvement pourra être"
    " présenté à nouveau\u00a0; dans ce cas, nous vous en informerons à l'avance."
)
_TOLD: Final[Mapping[str | None, str]] = {
    rejets.COORDONNEES: (
        "Votre banque n'accepte pas de prélèvement sur le compte que vous nous avez indiqué. Merci de nous"
        " communiquer de nouvelles coordonnées bancaires."
    ),
    rejets.MANDAT: (
        "Votre banque ne reconnaît pas votre mandat de prélèvement. Merci de signer un nouveau mandat."
    ),
    rejets.LITIGE: (
        "Il a été refusé, ou son remboursement a été demandé. Si vous avez une question sur ce prélèvement,"
        " merci de prendre contact avec nous."
    ),
    None: "Merci de prendre contact avec nous pour convenir de la suite.",
}


def payment_rejected(event: PaymentRejectedEvent, between: Correspondants, modele: Modele) -> Message:
    """The mail to the client about his rejected payment, with what he can do (R27).

    It has statut ignore when the client can do nothing about the reason. Raises InvalidArgument and
    InvalidEvent.
    """
    required_text(event, "payment_id")
    payment_id = opaque_id(event.payment_id, "payment_id") or ""
    montant = money(event.montant, "montant")
    variables = {
        "motif": explanation(event.motif_rejet),
        "montant": written_amount(montant) if montant else "",
        "lien_coordonnees": link(event.motif_rejet, between.expediteur.application),
    }
    untold = "" if variables["motif"] else _NOT_TOLD
    return to_client(between, modele, variables, "payment.rejected", payment_id, untold=untold)


def explanation(code: str) -> str:
    """What *code* means for the client and what he can do about it; "" when he is not told (R27)."""
    match rejets.class_of(code):
        case rejets.RETRY if rejets.normal_code(code) == "MS03":
            return f"Votre banque n'en a pas indiqué le motif. {_AGAIN}"
        case rejets.RETRY:
            return f"Motif indiqué par votre banque\u00a0: {rejets.in_words(code)}. {_AGAIN}"
        case rejets.FIN | rejets.TECHNIQUE:
            return ""
        case kind:
            return _TOLD[kind]


def link(code: str, application: str) -> str:
    """Where the client gives bank details; "" when these are not the trouble or no application is known."""
    wanted = rejets.class_of(code) in (rejets.COORDONNEES, rejets.MANDAT)
    return f"{application.rstrip('/')}/{_BANK_DETAILS_PAGE}" if wanted and application else ""
