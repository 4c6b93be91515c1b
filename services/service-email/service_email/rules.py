"""Rules of messages as pure functions: rows from requests, or a refusal.

Mails that events cause are in `evenements.py`, those in the platform's own name in `plateforme.py`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm.email import email_pb2 as pb
from db_utils import clock, uuid7
from grpc_utils import at_most, clean_lines, clean_text, content_hash, required
from grpc_utils.errors import ChampRequis, FormatInvalide, InvalidArgument, TropLong

from service_email.addresses import address, ascii_domain, parsed_sender
from service_email.applying import Applicable
from service_email.departs import Depart
from service_email.modeles import render_closed
from service_email.models import Message
from service_email.new_pieces import NewPiece, new_pieces
from service_email.signatures import signed

MOST_RECIPIENTS, MOST_HEADERS = 50, 10
LARGEST_VALUES = 32 * 1024  # bytes of all variables of a template

_LONGEST_TEXT = 255  # characters of a name or of a header's value, as many as of a subject
_HEADER_NAME = re.compile(r"X-[A-Za-z0-9-]{1,60}", re.I)
_OURS = "x-crm-"
_LISTS = ("a", "cc", "cci")
_SAID = ("origine", *_LISTS, "sujet", "corps_texte", "corps_html", "repondre_a", "entetes", "pieces_jointes")


class EnteteInterdit(InvalidArgument):
    """Un en-tête réservé ou un saut de ligne dans un en-tête n'est pas admis."""


class DestinatairesTropNombreux(InvalidArgument):
    """Un message a au plus 50 destinataires."""


class EntetesTropNombreux(InvalidArgument):
    """Un message a au plus 10 en-têtes supplémentaires."""


def new_message(request: pb.SendRequest, depart: Depart, pieces: Sequence[NewPiece] = ()) -> Message:
    """The message that *request* asks for, to leave from *depart* with *pieces* (R2–R5).

    Raises ChampRequis, FormatInvalide, TropLong, EnteteInterdit and the two refusals of too many.
    """
    said = _said(request)
    return message(
        depart,
        organisation_id=request.organisation_id,
        origine="rpc",
        pieces_jointes=[piece.entry for piece in pieces],
        cle_idempotence=request.cle_idempotence or None,
        contenu_hash=request_hash(request) if request.cle_idempotence else None,
        **said,
    )


def _said(request: pb.SendRequest) -> dict[str, Any]:
    """The columns that *request* fills, in their stored form."""
    texte, html = body(request.corps_texte, "corps_texte"), body(request.corps_html, "corps_html")
    if not (texte or html):
        raise ChampRequis(champ="corps_texte")
    return {
        **_people(request),
        "sujet": required(one_line(request.sujet, "sujet"), "sujet"),
        "corps_texte": texte,
        "corps_html": html,
        "repondre_a": checked_address(request.repondre_a, "repondre_a") if request.repondre_a else None,
        "entetes": headers(request.entetes),
    }


def new_template_message(
    request: pb.SendTemplateRequest,
    depart: Depart,
    applicable: Applicable,
    signature: str,
    pieces: Sequence[NewPiece] = (),
) -> Message:
    """The message that the template writes for *request*, to leave from *depart* (R26, R28).

    Raises ChampRequis, FormatInvalide, TropLong, EnteteInterdit, DestinatairesTropNombreux and the refusals
    of `render`.
    """
    people, values = _people(request), variables(request.variables)
    modele = applicable.modele
    rendu = signed(render_closed(modele, values, applicable.variables), modele, signature)
    return message(
        depart,
        organisation_id=request.organisation_id,
        origine="rpc",
        sujet=required(rendu.sujet, "sujet"),
        corps_texte=rendu.texte,
        corps_html=rendu.html,
        modele_code=modele.code,
        pieces_jointes=[piece.entry for piece in pieces],
        cle_idempotence=request.cle_idempotence or None,
        contenu_hash=request_hash(request) if request.cle_idempotence else None,
        **people,
    )


def variables(given: Mapping[str, str]) -> dict[str, str]:
    """The values of variables in their stored form, at most 32 KiB. Raises FormatInvalide, TropLong."""
    if sum(len(value.encode()) for value in given.values()) > LARGEST_VALUES:
        raise TropLong(f"maximum : {LARGEST_VALUES // 1024} Kio au total", champ="variables")
    return {name: _lines(value, "variables") for name, value in given.items()}


def request_hash(request: pb.SendRequest | pb.SendTemplateRequest) -> bytes:
    """The hash that the key of *request* is bound to: of its stored form and of its other fields (R9)."""
    if isinstance(request, pb.SendRequest):
        said = _said(request)
    else:
        said = {**_people(request), "variables": variables(request.variables)}
    content: Any = type(request)()
    content.CopyFrom(request)
    content.ClearField("pieces_jointes")
    content.pieces_jointes.extend(piece.asked for piece in new_pieces(request.pieces_jointes))
    for champ, value in said.items():
        content.ClearField(champ)  # columns have the names of their fields
        if champ in _LISTS:
            getattr(content, champ).extend(pb.Destinataire(**one) for one in value)
        elif isinstance(value, dict):
            getattr(content, champ).update(value)
        else:
            setattr(content, champ, value or "")
    return content_hash(content)


def alike(stored: Message, message: Message) -> bool:
    """Tell whether *stored*, a row from before contents were noted, says the same as *message* (R9)."""
    return all(getattr(stored, column) == getattr(message, column) for column in _SAID)


def message(depart: Depart, *, corps_texte: str | None, corps_html: str | None, **columns: Any) -> Message:
    """A new message, due now, signed by *depart* (R6), with the Message-ID of all its attempts (R7)."""
    identity = uuid7()
    domain = ascii_domain(parsed_sender(depart.de)[1])
    due: dict[str, Any] = {"prochain_essai": clock.now()}
    return Message(
        id=identity,
        message_id=f"<{identity}@{domain}>",
        de=depart.de,
        boite_mail_id=depart.boite_mail_id,
        corps_texte=depart.texte(corps_texte),
        corps_html=depart.html(corps_html),
        **due | columns,
    )


def _people(request: pb.SendRequest | pb.SendTemplateRequest) -> dict[str, Any]:
    return dict(zip(_LISTS, recipients(request), strict=True))


def recipients(request: pb.SendRequest | pb.SendTemplateRequest) -> list[list[dict[str, str]]]:
    """The people in a, cc and cci of *request*, each address where it comes first (R4).

    Raises ChampRequis, DestinatairesTropNombreux and the refusals of addresses.
    """
    seen: set[str] = set()
    lists = [_unseen(getattr(request, champ), champ, seen) for champ in _LISTS]
    if not lists[0]:
        raise ChampRequis(champ="a")
    if len(seen) > MOST_RECIPIENTS:
        raise DestinatairesTropNombreux(maximum=str(MOST_RECIPIENTS))
    return lists


def _unseen(people: Iterable[pb.Destinataire], champ: str, seen: set[str]) -> list[dict[str, str]]:
    found = []
    for one in people:
        known, nom = checked_address(one.email, champ), one_line(one.nom, champ)
        if known not in seen:
            seen.add(known)
            found.append(recipient(known, nom))
    return found


def recipient(email: str, nom: str) -> dict[str, str]:
    """A person of a, cc or cci in the form that the table keeps."""
    return {"email": email, "nom": nom}


def checked_address(text: str, champ: str) -> str:
    """A valid address that may stand in a header (R3, R4). Raises EnteteInterdit and those of `address`."""
    return address(one_line(text, champ), champ)


def headers(asked: Mapping[str, str]) -> dict[str, str]:
    """The additional headers: X-… but not X-CRM-…, which are ours (R3).

    Raises EntetesTropNombreux, EnteteInterdit, FormatInvalide, TropLong.
    """
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
    """A cleaned text for a header (R3). Raises EnteteInterdit for line breaks and NUL, TropLong."""
    if "\x00" in text or text.splitlines() not in ([], [text]):
        raise EnteteInterdit(champ=champ)
    at_most(text, _LONGEST_TEXT, champ)
    return clean_text(text, champ)


def body(text: str, champ: str) -> str | None:
    """A cleaned body with line feeds as line ends; None when there is nothing in it."""
    return _lines(text, champ) or None


def _lines(text: str, champ: str) -> str:
    return clean_lines(text.replace("\r\n", "\n"), champ)
