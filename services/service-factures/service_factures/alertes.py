"""Words to the finance team of an organisation, owed with the change that they are about (C22)."""

from typing import Final

from crm.notifications.notifications_pb2 import CreateNotificationRequest
from db_utils import Transaction
from service_kit.outgoing import NOTIFICATION, queue

from service_factures.models import FACTURE, Facture

AVERTISSEMENT, CRITIQUE = "avertissement", "critique"
_ALERTE: Final = "ALERTE"


def named(facture: Facture) -> str:
    """What sentences call *facture*, in the feminine whether it is an invoice or an avoir."""
    return f"{'facture' if facture.type == FACTURE else 'pièce'} {facture.numero}"


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
