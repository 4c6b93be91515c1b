"""Mails as bytes, made of stored messages: the same bytes at every attempt.

Headers are written with `email.header` and never read back: the parser behind EmailMessage
decodes encoded words and then writes what they hid, line breaks included. Addresses with a
local part outside ASCII stand in UTF-8 (RFC 6532), which only SMTPUTF8 carries (R19).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.charset import QP, Charset
from email.encoders import encode_base64
from email.header import Header
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr
from typing import Any
from uuid import UUID

from service_email.addresses import needs_smtputf8, parsed_sender, wire_address
from service_email.html_text import text_of
from service_email.models import Message

# This policy leaves bytes in headers alone, as addresses in UTF-8 need it.
_POLICY = compat32.clone(linesep="\r\n", cte_type="8bit")
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP  # quoted-printable: a mail in a folder stays readable


@dataclass(frozen=True, slots=True)
class Piece:
    """An attachment: the name that the reader sees, its type and its bytes."""

    nom: str
    type_mime: str
    contenu: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as transports deliver it: the envelope of SMTP and the content.

    With *smtputf8* it may only be given to a server that has this extension.
    """

    id: UUID
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    smtputf8: bool = False


def compose(message: Message, pieces: Sequence[Piece] = ()) -> Mail:
    """Make the mail of *message* with its attachments.

    A text is derived from HTML alone (R2), cci stand in no header (R4).
    """
    body = _with_pieces(message, pieces) if pieces else _body(message)
    for name, value in _headers(message):
        if value:
            body[name] = value
    sender = parsed_sender(message.de)[1]
    recipients = tuple(one["email"] for one in (*message.a, *message.cc, *message.cci))
    return Mail(
        id=message.id,
        sender=wire_address(sender),
        recipients=tuple(map(wire_address, recipients)),
        content=body.as_bytes(policy=_POLICY),
        smtputf8=any(map(needs_smtputf8, (sender, *recipients, message.repondre_a or ""))),
    )


def _headers(message: Message) -> Iterable[tuple[str, str]]:
    """The headers of *message* in order, "" for those that it lacks (R7)."""
    yield "From", _mailbox(*parsed_sender(message.de), "From")
    yield "To", _mailboxes(message.a, "To")
    yield "Cc", _mailboxes(message.cc, "Cc")
    yield "Reply-To", _raw(wire_address(message.repondre_a or ""))
    yield "Subject", _encoded(message.sujet, "Subject")
    yield "Date", format_datetime(message.created_at)
    yield "Message-ID", message.message_id
    yield "Auto-Submitted", "" if message.origine == "rpc" else "auto-generated"
    for name, value in message.entetes.items():
        yield name, _encoded(value, name)


def _body(message: Message) -> MIMEMultipart | MIMEText:
    html = message.corps_html
    text = message.corps_texte or text_of(html or "")
    plain = MIMEText(_lines(text), "plain", _UTF8)  # type: ignore[arg-type]  # the stubs know only names
    if not html:
        return plain
    # "=_" cannot occur in a quoted-printable body (RFC 2045 section 6.7).
    both = MIMEMultipart("alternative", boundary=f"=_{message.id.hex}")
    both.attach(plain)
    both.attach(MIMEText(_lines(html), "html", _UTF8))  # type: ignore[arg-type]  # the stubs know only names
    return both


def _with_pieces(message: Message, pieces: Iterable[Piece]) -> MIMEMultipart:
    # It must not begin like the boundary of the alternatives within (RFC 2046 section 5.1.2).
    mixed = MIMEMultipart("mixed", boundary=f"=_p{message.id.hex}")
    mixed.attach(_body(message))
    for piece in pieces:
        mixed.attach(_attached(piece))
    return mixed


def _attached(piece: Piece) -> MIMEBase:
    part = MIMEBase(*piece.type_mime.split("/", 1))
    part.set_payload(piece.contenu)
    encode_base64(part)
    nom = piece.nom if piece.nom.isascii() else ("utf-8", "", piece.nom)  # RFC 2231
    part.add_header("Content-Disposition", "attachment", filename=nom)
    return part


def _lines(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _mailboxes(people: Iterable[dict[str, Any]], header: str) -> str:
    return ",\r\n ".join(_mailbox(one["nom"], one["email"], header) for one in people)


def _mailbox(name: str, address: str, header: str) -> str:
    raw = _raw(wire_address(address))
    return f"{_phrase(name, header)} <{raw}>" if name else raw


def _phrase(name: str, header: str) -> str:
    """A name in the form that may stand before an address: plain, quoted, or encoded (RFC 2047)."""
    return formataddr((name, "_")).removesuffix(" <_>") if _plain(name) else _encoded(name, header)


def _raw(text: str) -> str:
    """The bytes of *text* in UTF-8 as the header classes hold them; the policy writes them unchanged."""
    return text.encode().decode("ascii", "surrogateescape")


def _encoded(text: str, header: str) -> str:
    """The form of *text* in *header*, whose name shortens the first line."""
    return text if _plain(text) else Header(text, "utf-8", header_name=header).encode(linesep="\r\n")


def _plain(text: str) -> bool:
    """Tell whether *text* may stand in a header unchanged: printable ASCII, nothing like an encoded word."""
    return text.isascii() and text.isprintable() and "=?" not in text
