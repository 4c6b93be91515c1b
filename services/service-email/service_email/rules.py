"""The rules of messages, pure: requests and events in, rows out, or a refusal."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from crm.email import email_pb2 as pb
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import clock, uuid7
from grpc_utils import clean_lines, clean_text, opaque_id, required
from grpc_utils.errors import ChampRequis, FormatInvalide, InvalidArgument, TropLong

from service_email.addresses import address, parsed_sender
from service_email.modeles import render
from service_email.models import IGNORE, Message, Modele

BIENVENUE_CLIENT, BIENVENUE_UTILISATEUR = "BIENVENUE_CLIENT", "BIENVENUE_UTILISATEUR"
# Whose mails to users are: no organisation, for an organisation's id begins with a letter or a digit.
PLATEFORME = "@plateforme"
MOST_RECIPIENTS, MOST_HEADERS = 50, 10

_LONGEST_TEXT = 255  # characters of a name or a header's value, as of the subject
_HEADER_NAME = re.compile(r"X-[A-Za-z0-9-]{1,60}", re.I)
_OURS = "x-crm-"
_NO_ADDRESS = "Le client n'a pas d'adresse e-mail."


class EnteteInterdit(InvalidArgument):
    """Un en-tête réservé ou un saut de ligne dans un en-tête n'est pas admis."""


class DestinatairesTropNombreux(InvalidArgument):
    """Un message a au plus 50 destinataires."""


class EntetesTropNombreux(InvalidArgument):
    """Un message a au plus 10 en-têtes supplémentaires."""


def new_message(request: pb.SendRequest, de: str) -> Message:
    """The message that *request* asks for, from sender *de* (R2–R4)."""
    a, cc, cci = recipients(request)
    texte, html = body(request.corps_texte, "corps_texte"), body(request.corps_html, "corps_html")
    if not (texte or html):
        raise ChampRequis(champ="corps_texte")
    return _message(
        organisation_id=request.organisation_id,
        de=de,
        a=a,
        cc=cc,
        cci=cci,
        sujet=required(one_line(request.sujet, "sujet"), "sujet"),
        corps_texte=texte,
        corps_html=html,
        repondre_a=_address(request.repondre_a, "repondre_a") if request.repondre_a else None,
        entetes=headers(request.entetes),
        origine="rpc",
        cle_idempotence=request.cle_idempotence or None,
    )


def welcome(event: ClientCreatedEvent, organisation_id: str, de: str, modele: Modele) -> Message:
    """The welcome mail of a new client, ignored when the client has no address."""
    prenom, nom = (clean_text(" ".join(name.split()), "nom") for name in (event.prenom, event.nom))
    rendu = render(modele, {"prenom": prenom, "nom": nom, "organisation_nom": ""})
    return _message(
        organisation_id=organisation_id,
        de=de,
        sujet=rendu.sujet,
        corps_texte=rendu.texte,
        corps_html=rendu.html,
        modele_code=modele.code,
        origine="client.created",
        cle_idempotence=f"client.created:{event.event_id}",
        **_reached(event.email, f"{prenom} {nom}".strip()),
    )


def welcome_user(request: pb.SendWelcomeRequest, de: str, modele: Modele, lien: str) -> Message:
    """The welcome mail of a new user, in the name of the platform; *lien* is where he signs in."""
    utilisateur_id = opaque_id(required(request.utilisateur_id, "utilisateur_id"), "utilisateur_id")
    prenom, nom = one_line(request.prenom, "prenom"), one_line(request.nom, "nom")
    rendu = render(modele, {"prenom": prenom, "nom": nom, "lien_application": lien})
    return _message(
        organisation_id=PLATEFORME,
        de=de,
        a=[_recipient(_address(required(request.email, "email"), "email"), f"{prenom} {nom}".strip())],
        sujet=rendu.sujet,
        corps_texte=rendu.texte,
        corps_html=rendu.html,
        modele_code=modele.code,
        origine="bienvenue",
        cle_idempotence=f"bienvenue:{utilisateur_id}",
    )


def _reached(email: str, nom: str) -> dict[str, Any]:
    """The columns that tell whether an event's mail has somebody to go to."""
    if not email:
        return {"a": [], "statut": IGNORE, "prochain_essai": None, "derniere_erreur": _NO_ADDRESS}
    return {"a": [_recipient(_address(email, "email"), nom)]}


def _message(*, de: str, **columns: Any) -> Message:
    """A new message, due now; its Message-ID is that of all its attempts (R7)."""
    identity = uuid7()
    domain = parsed_sender(de)[1].rpartition("@")[2]
    due: dict[str, Any] = {"prochain_essai": clock.now()}
    return Message(id=identity, message_id=f"<{identity}@{domain}>", de=de, **due | columns)


def recipients(request: pb.SendRequest) -> list[list[dict[str, str]]]:
    """a, cc and cci of *request*, each address where it comes first (R4)."""
    seen: set[str] = set()
    lists = [_unseen(getattr(request, champ), champ, seen) for champ in ("a", "cc", "cci")]
    if not lists[0]:
        raise ChampRequis(champ="a")
    if len(seen) > MOST_RECIPIENTS:
        raise DestinatairesTropNombreux(maximum=str(MOST_RECIPIENTS))
    return lists


def _unseen(people: Iterable[pb.Destinataire], champ: str, seen: set[str]) -> list[dict[str, str]]:
    found = []
    for one in people:
        known, nom = _address(one.email, champ), one_line(one.nom, champ)
        if known not in seen:
            seen.add(known)
            found.append(_recipient(known, nom))
    return found


def _recipient(email: str, nom: str) -> dict[str, str]:
    return {"email": email, "nom": nom}


def _address(text: str, champ: str) -> str:
    return address(one_line(text, champ), champ)


def headers(asked: Mapping[str, str]) -> dict[str, str]:
    """Additional headers: X-…, not our own X-CRM-… (R3). Raises EnteteInterdit, FormatInvalide."""
    if len(asked) > MOST_HEADERS:
        raise EntetesTropNombreux(maximum=str(MOST_HEADERS))
    for name in asked:
        one_line(name, "entetes")
        if not name.lower().startswith("x-") or name.lower().startswith(_OURS):
            raise EnteteInterdit(champ="entetes")
        if not _HEADER_NAME.fullmatch(name):
            raise FormatInvalide(champ="entetes")
    return {name: one_line(value, "entetes") for name, value in asked.items()}


def one_line(text: str, champ: str) -> str:
    """*text* cleaned, for a header. Raises EnteteInterdit for line breaks and NUL (R3), TropLong."""
    if "\x00" in text or text.splitlines() not in ([], [text]):
        raise EnteteInterdit(champ=champ)
    if len(text) > _LONGEST_TEXT:
        raise TropLong(champ=champ)
    return clean_text(text, champ)


def body(text: str, champ: str) -> str | None:
    """*text* cleaned, its line ends as line feeds; None when there is nothing in it."""
    return clean_lines(text.replace("\r\n", "\n"), champ) or None
