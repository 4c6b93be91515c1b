"""Mails that events cause (R21, R24), as pure functions: messages from an event and its client."""

from collections.abc import Mapping
from typing import Any

from crm.clients.clients_pb2 import ClientBase
from crm.events.business_pb2 import ClientCreatedEvent, ContractSignedEvent
from grpc_utils import clean_text, money, opaque_id, written_amount, written_day
from nats_utils import required_instant, required_text

from service_email.modeles import render
from service_email.models import IGNORE, Message, Modele
from service_email.rules import checked_address, message, recipient

BIENVENUE_CLIENT, CONTRAT_SIGNE = "BIENVENUE_CLIENT", "CONTRAT_SIGNE"

_NO_ADDRESS = "Le client n'a pas d'adresse e-mail."
_UNKNOWN = "Le client n'est pas connu."


def welcome(event: ClientCreatedEvent, organisation_id: str, de: str, modele: Modele) -> Message:
    """The welcome mail of a new client (R21); statut ignore without an address. Raises InvalidArgument."""
    return _mail(
        event,
        _NO_ADDRESS,
        modele,
        {"organisation_nom": ""},
        organisation_id=organisation_id,
        de=de,
        origine="client.created",
        cle_idempotence=f"client.created:{event.client_id}",
    )


def contract_signed(
    event: ContractSignedEvent, organisation_id: str, de: str, client: ClientBase | None, modele: Modele
) -> Message:
    """The mail to *client* about the contract that he has signed (R24).

    It has statut ignore for a client whom nobody knows, None, and for one without an address. Raises
    InvalidArgument, InvalidEvent.
    """
    required_text(event, "contrat_id")
    return _mail(
        client or ClientBase(),
        _UNKNOWN if client is None else _NO_ADDRESS,
        modele,
        {
            "contrat_id": opaque_id(event.contrat_id, "contrat_id") or "",
            "montant_total": written_amount(money(event.montant_total, "montant_total")),
            "date_signature": written_day(required_instant(event, "date_signature")),
        },
        organisation_id=organisation_id,
        de=de,
        origine="contract.signed",
        cle_idempotence=f"contract.signed:{event.contrat_id}",
    )


def _mail(
    person: ClientCreatedEvent | ClientBase,
    unreachable: str,
    modele: Modele,
    variables: Mapping[str, str],
    **columns: Any,
) -> Message:
    """The message made of *modele* for *person*; *unreachable* says why one without an address gets none."""
    prenom, nom = (clean_text(" ".join(name.split()), "nom") for name in (person.prenom, person.nom))
    rendu = render(modele, {"prenom": prenom, "nom": nom, **variables})
    return message(
        sujet=rendu.sujet,
        corps_texte=rendu.texte,
        corps_html=rendu.html,
        modele_code=modele.code,
        **columns,
        **_reached(person.email, f"{prenom} {nom}".strip(), unreachable),
    )


def _reached(email: str, nom: str, unreachable: str) -> dict[str, Any]:
    """The columns that say to whom the mail of an event goes, or that it goes to nobody."""
    if not email:
        return {"a": [], "statut": IGNORE, "prochain_essai": None, "derniere_erreur": unreachable}
    return {"a": [recipient(checked_address(email, "email"), nom)]}
