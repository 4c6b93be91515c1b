"""Rules of notifications as pure functions: rows from requests and events.

Those about payments are in `paiements.py`.
"""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from crm.events.business_pb2 import ClientCreatedEvent, InvoiceCreatedEvent
from crm.notifications import notifications_pb2 as pb
from grpc_utils import (
    Identity,
    civil_date,
    content_hash,
    entry,
    free_structure,
    money,
    one_of,
    opaque_id,
    required,
    written_amount,
    written_day,
)
from grpc_utils.errors import AppelInterneSeulement, FormatInvalide, InvalidArgument
from nats_utils import required_instant

from service_notifications.models import (
    COMMERCIAL,
    EQUIPE,
    EQUIPES,
    FINANCE,
    ORGANISATION,
    SYSTEME,
    UTILISATEUR,
    Notification,
)

LEAST_AGE: Final = timedelta(days=30)  # of what is deleted for everybody on demand (R15)
# A path of the application, or another site by https (R7). Browsers take a backslash for a slash, so that
# one after the first slash would lead to another host.
_LINK = re.compile(r"/(?![/\\])[^\s\\]*|https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][^\s\\]*)?")


class TypeReserve(InvalidArgument):
    """Les notifications de type SYSTEME sont réservées à la plateforme."""


class DateTropRecente(InvalidArgument):
    """Seules les notifications de plus de 30 jours peuvent être supprimées pour tous."""


class UtilisateurRequis(InvalidArgument):
    """Un service ne lit des notifications qu'au nom d'un utilisateur."""


def reader(identity: Identity, asked: str = "") -> str:
    """The user whose notifications *identity* asks for; services may have *asked* for any.

    Raises UtilisateurRequis, AppelInterneSeulement, FormatInvalide.
    """
    if asked and identity.kind == "user" and asked != identity.subject:
        raise AppelInterneSeulement(champ="utilisateur_id")
    user = opaque_id(asked, "utilisateur_id") or identity.user_id
    if not user:
        raise UtilisateurRequis
    return user


def new_notification(request: pb.CreateNotificationRequest, identity: Identity) -> Notification:
    """The row for *request* of *identity* (R6, R7, R17, R19).

    Raises TypeReserve, ChampRequis, ValeurInconnue, FormatInvalide and TropLong.
    """
    kind = required(request.destinataire_type, "destinataire_type")
    return Notification(
        **_content(request, identity),
        destinataire_type=kind,
        destinataire_id=_addressee(kind, request.destinataire_id),
        cle_idempotence=request.cle_idempotence or None,
        contenu_hash=content_hash(request) if request.cle_idempotence else None,
        diffuser=request.diffuser if request.HasField("diffuser") else True,
    )


def new_notifications(request: pb.NotifyOrganisationRequest, identity: Identity) -> list[Notification]:
    """The rows for *request*: one for each user, or one for the whole organisation (R9).

    Raises like `new_notification`.
    """
    content = _content(request, identity)
    if not request.utilisateur_ids:
        return [Notification(**content, destinataire_type=ORGANISATION)]
    return [
        Notification(**content, destinataire_type=UTILISATEUR, destinataire_id=user)
        for user in _distinct(request.utilisateur_ids)
    ]


def _distinct(utilisateur_ids: Sequence[str]) -> list[str]:
    for position, asked in enumerate(utilisateur_ids):
        with entry("utilisateur_ids", position):
            opaque_id(required(asked, "utilisateur_ids"), "utilisateur_ids")
    return [*dict.fromkeys(utilisateur_ids)]


def _content(
    request: pb.CreateNotificationRequest | pb.NotifyOrganisationRequest, identity: Identity
) -> dict[str, Any]:
    """The columns of what is said, whoever is told. Raises like `new_notification`."""
    if identity.kind == "user" and request.type == SYSTEME:
        raise TypeReserve(champ="type")
    return {
        "organisation_id": request.organisation_id,
        "type": required(request.type, "type"),
        "niveau": request.niveau or "info",
        "titre": required(request.titre, "titre"),
        "message": required(request.message, "message"),
        "metadata_": free_structure(request.metadata, "metadata"),
        "lien_url": _link(request.lien_url),
    }


def old_enough(text: str, today: date) -> date:
    """The day before which everything is deleted (R15). Raises ChampRequis, DateInvalide, DateTropRecente."""
    day = civil_date(required(text, "date"), "date")
    if day > today - LEAST_AGE:
        raise DateTropRecente(champ="date")
    return day


def _addressee(kind: str, asked: str) -> str:
    """The checked addressee of a notification of that kind (R6). Raises InvalidArgument."""
    if kind == UTILISATEUR:
        return opaque_id(required(asked, "destinataire_id"), "destinataire_id") or ""
    if kind == EQUIPE:
        return one_of(asked, EQUIPES, "destinataire_id")
    if asked:
        raise FormatInvalide(champ="destinataire_id")
    return ""


def _link(asked: str) -> str | None:
    if asked and not _LINK.fullmatch(asked):
        raise FormatInvalide(champ="lien_url")
    return asked or None


def nouveau_client(
    event: ClientCreatedEvent, organisation_id: str, charge_de_compte: str = ""
) -> Notification:
    """The notification of a new client for its account manager, else for the sales team (R18)."""
    nom = " ".join(part for part in (event.prenom, event.nom) if part) or event.client_id
    return Notification(
        organisation_id=organisation_id,
        destinataire_type=UTILISATEUR if charge_de_compte else EQUIPE,
        destinataire_id=charge_de_compte or COMMERCIAL,
        type="NOUVEAU_CLIENT",
        titre="Nouveau client",
        message=f"Le client {nom} a été créé.",
        metadata_={"client_id": event.client_id},
        lien_url=f"/clients/{event.client_id}",
        cle_idempotence=f"client.created:{event.event_id}",
    )


def nouvelle_facture(event: InvoiceCreatedEvent, organisation_id: str) -> Notification:
    """The notification of a new invoice for the finance team (R20).

    Raises ChampRequis, FormatInvalide, MontantInvalide, and InvalidEvent for a due date that is no instant.
    """
    facture_id = opaque_id(required(event.invoice_id, "invoice_id"), "invoice_id") or ""
    montant = money(event.montant, "montant")
    metadata: dict[str, Any] = {
        "facture_id": facture_id,
        "client_id": opaque_id(event.client_id, "client_id"),
        "montant": float(montant),
    }
    if event.numero:
        metadata["numero"] = event.numero
    nom = f"{event.numero or facture_id} de {written_amount(montant)}"
    return Notification(
        organisation_id=organisation_id,
        destinataire_type=EQUIPE,
        destinataire_id=FINANCE,
        type="NOUVELLE_FACTURE",
        titre="Nouvelle facture",
        message=f"Facture {nom}{_due(event)}.",
        metadata_=metadata,
        lien_url=f"/factures/{facture_id}",
        cle_idempotence=f"invoice.created:{event.event_id}",
    )


def _due(event: InvoiceCreatedEvent) -> str:
    if not event.HasField("date_echeance"):
        return ""
    return f", échéance {written_day(required_instant(event, 'date_echeance'))}"
