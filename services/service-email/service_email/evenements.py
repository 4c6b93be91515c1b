"""Mails that events cause (R21, R24, R25), as pure functions: messages from an event and its client.

Those about rejected payments are in `rejets.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from crm.clients.clients_pb2 import ClientBase
from crm.events.business_pb2 import ClientCreatedEvent, ContractSignedEvent, InvoiceCreatedEvent
from db_utils import parse_uuid
from grpc_utils import clean_text, money, opaque_id, written_amount, written_day
from nats_utils import required_instant, required_text

from service_email.departs import Depart
from service_email.modeles import render
from service_email.models import IGNORE, Message, Modele
from service_email.rules import checked_address, message, recipient
from service_email.signatures import signed

BIENVENUE_CLIENT, CONTRAT_SIGNE, FACTURE_EMISE, FACTURE_JOINTE = (
    "BIENVENUE_CLIENT",
    "CONTRAT_SIGNE",
    "FACTURE_EMISE",
    "FACTURE_JOINTE",
)

_NO_PRICE = "à confirmer"  # contrats announces a contract whose price could not be had with 0
_NO_ADDRESS = "Le client n'a pas d'adresse e-mail."
_UNKNOWN = "Le client n'est pas connu."


@dataclass(frozen=True, slots=True)
class Expediteur:
    """The organisation in whose name the mail of an event is written, and where that leaves from (R6).

    *application* is the address of the web application, for links, "" when none is known. *societe_id* is
    the société that the event tells, or that of its client.
    """

    organisation_id: str
    depart: Depart
    application: str
    societe_id: str = ""


@dataclass(frozen=True, slots=True)
class Correspondants:
    """The sender of the mail of an event, and its client; None when the organisation has no such client."""

    expediteur: Expediteur
    client: ClientBase | None
    reference: str = ""
    """Of the contract that the event is about, "" when it is not known."""
    signature: str = ""
    """The name of the société below the mail, "" when it is not known (R28)."""


def welcome(event: ClientCreatedEvent, sender: Expediteur, modele: Modele) -> Message:
    """The welcome mail of a new client (R21); statut ignore without an address. Raises InvalidArgument."""
    return _mail(
        event,
        _NO_ADDRESS,
        modele,
        {"organisation_nom": ""},
        depart=sender.depart,
        organisation_id=sender.organisation_id,
        origine="client.created",
        cle_idempotence=f"client.created:{event.client_id}",
    )


def contract_signed(event: ContractSignedEvent, between: Correspondants, modele: Modele) -> Message:
    """The mail to the client about the contract that he has signed (R24).

    Raises InvalidArgument, InvalidEvent.
    """
    required_text(event, "contrat_id")
    contrat_id = opaque_id(event.contrat_id, "contrat_id") or ""
    total = money(event.montant_total, "montant_total")
    variables = {
        "contrat_id": named_contract(contrat_id, between.reference),
        "montant_total": written_amount(total) if total else _NO_PRICE,
        "date_signature": written_day(required_instant(event, "date_signature")),
    }
    return to_client(between, modele, variables, "contract.signed", contrat_id)


def named_contract(contrat_id: str, reference: str) -> str:
    """The name by which a client knows the contract: its reference, or its id in an outside system (R24).

    An id of ours is no name for people: without a reference the contract has none.
    """
    return reference or (contrat_id if parse_uuid(contrat_id) is None else "")


def invoice_issued(
    event: InvoiceCreatedEvent, between: Correspondants, modele: Modele, jointe: Modele
) -> Message:
    """The mail to the client about an invoice to him (R25). Raises InvalidArgument, InvalidEvent.

    The mail that carries the PDF is written with *jointe*, the one that goes without it with *modele*.
    """
    required_text(event, "invoice_id")
    facture_id = opaque_id(event.invoice_id, "invoice_id") or ""
    application = between.expediteur.application.rstrip("/")
    due = event.HasField("date_echeance")
    variables = {
        "numero": clean_text(" ".join(event.numero.split()), "numero") or facture_id,
        "montant": written_amount(money(event.montant, "montant")),
        "date_echeance": written_day(required_instant(event, "date_echeance")) if due else "",
        "lien": f"{application}/factures/{quote(facture_id)}" if application else "",
    }
    bare = to_client(between, modele, variables, "invoice.created", facture_id)
    if bare.statut == IGNORE or parse_uuid(facture_id) is None:  # an invoice of an outside system (C2)
        return bare
    without = {"texte": bare.corps_texte, "html": bare.corps_html}  # signed by the mailbox already
    return to_client(
        between,
        jointe,
        variables,
        "invoice.created",
        facture_id,
        modele_code=modele.code,
        facture_id=facture_id,
        corps_sans_piece=None if jointe is modele else without,
    )


def to_client(
    between: Correspondants,
    modele: Modele,
    variables: Mapping[str, str],
    origine: str,
    cause: str,
    untold: str = "",
    **columns: Any,
) -> Message:
    """The message to the client about *cause*, once per *origine*.

    It has statut ignore for a client whom nobody knows, for one without an address, and for whoever is
    not to be told, which *untold* says why.
    """
    client = ClientBase() if untold else between.client
    return _mail(
        client or ClientBase(),
        untold or (_UNKNOWN if client is None else _NO_ADDRESS),
        modele,
        variables,
        between.signature,
        depart=between.expediteur.depart,
        organisation_id=between.expediteur.organisation_id,
        origine=origine,
        cle_idempotence=f"{origine}:{cause}",
        **columns,
    )


def _mail(
    person: ClientCreatedEvent | ClientBase,
    unreachable: str,
    modele: Modele,
    variables: Mapping[str, str],
    signature: str = "",
    *,
    depart: Depart,
    **columns: Any,
) -> Message:
    """The message made of *modele* for *person*; *unreachable* says why one without an address gets none."""
    prenom, nom = (clean_text(" ".join(name.split()), "nom") for name in (person.prenom, person.nom))
    rendu = signed(render(modele, {"prenom": prenom, "nom": nom, **variables}), modele, signature)
    return message(
        depart,
        sujet=rendu.sujet,
        corps_texte=rendu.texte,
        corps_html=rendu.html,
        **{"modele_code": modele.code} | columns,
        **_reached(person.email, f"{prenom} {nom}".strip(), unreachable),
    )


def _reached(email: str, nom: str, unreachable: str) -> dict[str, Any]:
    """The columns that say to whom the mail of an event goes, or that it goes to nobody."""
    if not email:
        return {"a": [], "statut": IGNORE, "prochain_essai": None, "derniere_erreur": unreachable}
    return {"a": [recipient(checked_address(email, "email"), nom)]}
