"""Words to the finance team of an organisation, owed with the change that they are about (C22)."""

from typing import Final

from crm.notifications.notifications_pb2 import CreateNotificationRequest
from db_utils import Transaction
from service_kit.outgoing import NOTIFICATION, queue

AVERTISSEMENT, CRITIQUE = "avertissement", "critique"
_ALERTE: Final = "ALERTE"


async def tell_finance(
    tx: Transaction, organisation_id: str, key: str, *, niveau: str, titre: str, message: str
) -> None:
    """Owe the finance team one notification under *key*; a second one with it is none."""
    request = CreateNotificationRequest(
        organisation_id=organisation_id,
        destinataire_type="EQUIPE",
        destinataire_id="FINANCE",
        type=_ALERTE,
        niveau=niveau,
        titre=titre,
        message=message,
        cle_idempotence=key,
    )
    await queue(tx, NOTIFICATION, request, key=key, organisation_id=organisation_id)
