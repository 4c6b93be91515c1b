"""Notifications for an organisation about a mail that no server here can send (R19)."""

import logging

from db_utils import Transaction
from service_kit.outgoing import AVERTISSEMENT, COMMERCIAL, alert

from service_email.models import Message
from service_email.plateforme import PLATEFORME

_log = logging.getLogger(__name__)

_TITRE = "Message non envoyé"
_MESSAGE = (
    "Un message n'a pas été envoyé : une de ses adresses a des lettres accentuées ou non latines avant"
    " l'arobase, et le serveur d'envoi n'accepte pas de telles adresses."
)


async def tell_undeliverable(tx: Transaction, message: Message) -> None:
    """Owe the sales team a notification that *message* needs a server with SMTPUTF8, once per message.

    The notification names no address. A mail of the platform belongs to no organisation that could be
    told: an error line in the log tells operators.
    """
    if message.organisation_id == PLATEFORME:
        _log.error("message %s of the platform is lost: the server lacks SMTPUTF8", message.id)
        return
    await alert(
        tx,
        message.organisation_id,
        f"email:{message.id}",
        niveau=AVERTISSEMENT,
        titre=_TITRE,
        message=_MESSAGE,
        equipe=COMMERCIAL,
        metadata={"message_id": str(message.id)},
    )
