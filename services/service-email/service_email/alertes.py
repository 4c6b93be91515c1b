"""Notifications for an organisation about a mail that no server here can send (R19)."""

import logging

from crm.notifications.notifications_pb2 import CreateNotificationRequest
from db_utils import Transaction
from service_kit.outgoing import NOTIFICATION, queue

from service_email.models import Message
from service_email.plateforme import PLATEFORME

_log = logging.getLogger(__name__)

_TITRE = "Message non envoyé"
_MESSAGE = (
    "Un message n'a pas été envoyé : une de ses adresses a des lettres accentuées ou non latines avant"
    " l'arobase, et le serveur d'envoi n'accepte pas de telles adresses."
)


async def alert(tx: Transaction, message: Message) -> None:
    """Owe the sales team a notification that *message* needs a server with SMTPUTF8, once per message.

    The notification names no address. A mail of the platform belongs to no organisation that could be
    told: an error line in the log tells operators.
    """
    if message.organisation_id == PLATEFORME:
        _log.error("message %s of the platform is lost: the server lacks SMTPUTF8", message.id)
        return
    key = f"email:{message.id}"
    request = CreateNotificationRequest(
        organisation_id=message.organisation_id,
        destinataire_type="EQUIPE",
        destinataire_id="COMMERCIAL",
        type="ALERTE",
        niveau="avertissement",
        titre=_TITRE,
        message=_MESSAGE,
        cle_idempotence=key,
    )
    request.metadata["message_id"] = str(message.id)
    await queue(tx, NOTIFICATION, request, key=key, organisation_id=message.organisation_id)
