"""Notifications about contracts, to the user who is the apporteur, else to the sales team (R23)."""

import logging

import grpc
from crm.commerciaux.commerciaux_pb2 import GetApporteurRequest
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.notifications.notifications_pb2 import CreateNotificationRequest
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import clock, parse_uuid
from grpc_utils import Peers, answered_or_none
from grpc_utils.errors import Unavailable

from service_contrats.models import Contrat

_log = logging.getLogger(__name__)

_TEAM = ("EQUIPE", "COMMERCIAL")


async def announce_signature(peers: Peers, contrat: Contrat) -> None:
    """Tell of a new contract. Raises what notifications answers."""
    message = f"Le contrat {contrat.reference} a été signé."
    await _create(peers, contrat, "NOUVEAU_CONTRAT", "info", "Nouveau contrat", message, "signature")


async def announce_end(peers: Peers, contrat: Contrat) -> None:
    """Tell of a contract that is about to end. Raises what notifications answers."""
    assert contrat.date_fin is not None
    left = _written((contrat.date_fin - clock.today()).days)
    message = f"Le contrat {contrat.reference} expire {left} ({contrat.date_fin:%d/%m/%Y})."
    titre = "Contrat bientôt expiré"
    await _create(peers, contrat, "CONTRAT_BIENTOT_EXPIRE", "avertissement", titre, message, "expiration")


def _written(days: int) -> str:
    return f"dans {days} jour{'s' if days > 1 else ''}" if days else "aujourd'hui"


async def _create(
    peers: Peers, contrat: Contrat, kind: str, niveau: str, titre: str, message: str, cause: str
) -> None:
    destinataire_type, destinataire_id = await _addressee(peers, contrat)
    request = CreateNotificationRequest(
        organisation_id=contrat.organisation_id,
        destinataire_type=destinataire_type,
        destinataire_id=destinataire_id,
        type=kind,
        niveau=niveau,
        titre=titre,
        message=message,
        lien_url=f"/contrats/{contrat.id}",
        cle_idempotence=f"{cause}:{contrat.id}",
    )
    request.metadata["contrat_id"] = str(contrat.id)
    await peers.stub(NotificationServiceStub).Create(request)


async def _addressee(peers: Peers, contrat: Contrat) -> tuple[str, str]:
    """The kind and the id of whom to tell."""
    if contrat.commercial_id is None or parse_uuid(contrat.commercial_id) is None:
        return _TEAM
    apporteurs = peers.stub(ApporteurServiceStub)
    try:
        apporteur = await answered_or_none(apporteurs.Get(GetApporteurRequest(id=contrat.commercial_id)))
    except (Unavailable, grpc.aio.AioRpcError) as error:
        _log.warning("the apporteur of contract %s cannot be asked for: %s", contrat.id, type(error).__name__)
        return _TEAM
    if apporteur is None or not apporteur.utilisateur_id:
        return _TEAM
    return "UTILISATEUR", apporteur.utilisateur_id
