"""Where a mail leaves from (R6): a mailbox of the organisation, or the server of the platform.

The choice is made when the message is stored; `ways.py` uses it when the message is sent.
"""

import html
from dataclasses import dataclass
from uuid import UUID

from db_utils import Transaction, parse_uuid
from grpc_utils import caller, found
from grpc_utils.errors import FailedPrecondition
from sqlalchemy import bindparam, select

from service_email.html_text import text_of
from service_email.models import BoiteMail, Message

_OF_ORGANISATION = select(BoiteMail).where(BoiteMail.organisation_id == bindparam("organisation"))
# A mailbox that is chosen is not deleted before its message is stored; other senders choose it meanwhile.
_NAMED = _OF_ORGANISATION.where(BoiteMail.id == bindparam("boite")).with_for_update(read=True, key_share=True)
_DEFAULT = (
    _OF_ORGANISATION.where(
        BoiteMail.est_par_defaut,
        BoiteMail.utilisateur_id.in_(("", bindparam("utilisateur"))),
        BoiteMail.societe_id.in_(("", bindparam("societe"))),
    )
    # That of the user before those of nobody, and in each that of the société before the general one.
    .order_by(BoiteMail.utilisateur_id == "", BoiteMail.societe_id == "")
    .limit(1)
    .with_for_update(read=True, key_share=True)
)


class BoiteInactive(FailedPrecondition):
    """Cette boîte mail est désactivée."""


class BoiteSupprimee(FailedPrecondition):
    """La boîte mail de ce message a été supprimée."""


@dataclass(frozen=True, slots=True)
class Depart:
    """The sender of a mail and its signature; the mailbox it leaves from, None for the platform's server."""

    de: str
    boite_mail_id: UUID | None = None
    signature_texte: str = ""
    signature_html: str = ""

    @classmethod
    def of(cls, boite: BoiteMail) -> "Depart":
        """The departure from *boite*; a signature that it lacks in one form is derived from the other."""
        texte, markup = boite.signature_texte or "", boite.signature_html or ""
        return cls(
            boite.adresse_email,
            boite.id,
            texte or text_of(markup),
            markup or html.escape(texte).replace("\n", "<br>\n"),
        )

    def texte(self, body: str | None) -> str | None:
        """The text *body* with the signature at its end."""
        return f"{body}\n\n{self.signature_texte}" if body and self.signature_texte else body

    def html(self, body: str | None) -> str | None:
        """The HTML *body* with the signature at its end, before what closes the document."""
        if not (body and self.signature_html):
            return body
        before, end, after = body.rpartition("</body>")
        content, tail = (before, end + after) if end else (body, "")
        return f"{content}<div>{self.signature_html}</div>\n{tail}"


async def depart_of_event(tx: Transaction, organisation_id: str, societe_id: str, platform: str) -> Depart:
    """The departure of a mail that an event causes: the société's, the organisation's, else *platform*."""
    return await _default(tx, organisation_id, societe_id, "", platform)


async def depart_of_call(
    tx: Transaction, organisation_id: str, societe_id: str, boite_mail_id: str, platform: str
) -> Depart:
    """The departure of a mail that the current call asks for: the mailbox that it names, else the default.

    A user's own default comes before the société's, the organisation's and *platform*. Raises Introuvable,
    BoiteInactive.
    """
    if boite_mail_id:
        return Depart.of(await _named(tx, organisation_id, boite_mail_id))
    identity = caller()
    utilisateur_id = identity.subject if identity.kind == "user" else ""
    return await _default(tx, organisation_id, societe_id, utilisateur_id, platform)


async def check_depart(tx: Transaction, message: Message) -> None:
    """Check that *message* may still leave from its mailbox (R11). Raises BoiteSupprimee, BoiteInactive."""
    if message.boite_mail_id is None:
        return
    boite = await tx.one(_NAMED, organisation=message.organisation_id, boite=message.boite_mail_id)
    if boite is None:
        raise BoiteSupprimee
    if not boite.actif:
        raise BoiteInactive


async def _named(tx: Transaction, organisation_id: str, boite_mail_id: str) -> BoiteMail:
    known = parse_uuid(boite_mail_id)
    boite = None if known is None else await tx.one(_NAMED, organisation=organisation_id, boite=known)
    if not found(boite, "boite_mail_id").actif:
        raise BoiteInactive(champ="boite_mail_id")
    return found(boite)


async def _default(
    tx: Transaction, organisation_id: str, societe_id: str, utilisateur_id: str, platform: str
) -> Depart:
    boite = await tx.one(
        _DEFAULT, organisation=organisation_id, societe=societe_id, utilisateur=utilisateur_id
    )
    return Depart(platform) if boite is None else Depart.of(boite)
