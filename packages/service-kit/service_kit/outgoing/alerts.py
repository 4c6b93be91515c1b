"""Notifications that a change owes, among them those about commands that do not come through (C22).

NOTIFICATION is the command of every service that owes one.
"""

from collections.abc import Mapping
from typing import Final

from crm.notifications.notifications_pb2 import CreateNotificationRequest
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import Transaction
from db_utils.clock import PARIS
from grpc_utils import Peers
from grpc_utils.errors import CleIdempotenceReutilisee

from service_kit.outgoing.command import Command, queue
from service_kit.outgoing.models import CommandeSortante


async def _notify(peers: Peers, request: CreateNotificationRequest) -> None:
    await peers.stub(NotificationServiceStub).Create(request)


NOTIFICATION: Final = Command(
    "notification",
    CreateNotificationRequest,
    send=_notify,
    done=frozenset({CleIdempotenceReutilisee.reason}),  # it was told before, in other words
    alerted_after=None,  # nobody is told of what he cannot be told
)


FINANCE, COMMERCIAL, EVERYBODY = "FINANCE", "COMMERCIAL", ""
AVERTISSEMENT, CRITIQUE = "avertissement", "critique"
_NOTHING: Final[Mapping[str, str]] = {}


async def alert(
    tx: Transaction,
    organisation_id: str,
    key: str,
    *,
    niveau: str,
    titre: str,
    message: str,
    equipe: str = FINANCE,
    metadata: Mapping[str, str] = _NOTHING,
) -> None:
    """Owe team *equipe* of the organisation, or everybody in it, one ALERTE under *key*; a second is none.

    The service has `OutgoingCommands((NOTIFICATION, …))` among its components.
    """
    request = CreateNotificationRequest(
        organisation_id=organisation_id,
        destinataire_type="EQUIPE" if equipe else "ORGANISATION",
        destinataire_id=equipe,
        type="ALERTE",
        niveau=niveau,
        titre=titre,
        message=message,
        cle_idempotence=key,
    )
    request.metadata.update(metadata)
    await queue(tx, NOTIFICATION, request, key=key, organisation_id=organisation_id)


async def tell_waiting(tx: Transaction, row: CommandeSortante, libelle: str, erreur: str) -> None:
    """Owe the finance team one notification that *row* still waits, after the answer *erreur*."""
    await _tell(
        tx,
        row,
        "attente",
        niveau=AVERTISSEMENT,
        titre="Opération en attente",
        message=f"L'opération « {libelle or row.type} » ({row.objet}) n'a pas encore abouti depuis le"
        f" {row.created_at.astimezone(PARIS):%d/%m/%Y} : {erreur}. Elle continue d'être tentée.",
    )


async def tell_refused(tx: Transaction, row: CommandeSortante, libelle: str, erreur: str) -> None:
    """Owe the finance team one notification that *row* was refused with *erreur*."""
    await _tell(
        tx,
        row,
        "refus",
        niveau=CRITIQUE,
        titre="Opération refusée",
        message=f"L'opération « {libelle or row.type} » ({row.objet}) a été refusée : {erreur}."
        " Elle ne sera plus tentée.",
    )


async def _tell(
    tx: Transaction, row: CommandeSortante, cause: str, *, niveau: str, titre: str, message: str
) -> None:
    """Owe a notification, one per command and *cause*; a command of no organisation has nobody to tell."""
    if row.organisation_id is None:
        return
    await alert(
        tx,
        row.organisation_id,
        f"commande:{row.id}:{cause}",
        niveau=niveau,
        titre=titre,
        message=message,
        metadata={"commande": row.type, "objet": row.objet},
    )
