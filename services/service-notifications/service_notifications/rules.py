"""The rules of notifications, pure: what happened in, what people read about it out."""

from crm.events.business_pb2 import ClientCreatedEvent
from grpc_utils import Identity
from grpc_utils.errors import InvalidArgument

from service_notifications.models import EQUIPE, Notification

COMMERCIAL = "COMMERCIAL"


class UtilisateurRequis(InvalidArgument):
    """Un service ne lit des notifications qu'au nom d'un utilisateur."""


def reader(identity: Identity) -> str:
    """The user whose notifications *identity* asks for. Raises UtilisateurRequis."""
    if not identity.user_id:
        raise UtilisateurRequis
    return identity.user_id


def nouveau_client(event: ClientCreatedEvent, organisation_id: str) -> Notification:
    """What the sales team of the organisation reads about a new client."""
    nom = " ".join(part for part in (event.prenom, event.nom) if part) or event.client_id
    return Notification(
        organisation_id=organisation_id,
        destinataire_type=EQUIPE,
        destinataire_id=COMMERCIAL,
        type="NOUVEAU_CLIENT",
        titre="Nouveau client",
        message=f"Le client {nom} a été créé.",
        metadata_={"client_id": event.client_id},
        lien_url=f"/clients/{event.client_id}",
        cle_idempotence=f"client.created:{event.event_id}",
    )
