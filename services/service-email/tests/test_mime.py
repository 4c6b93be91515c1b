"""Mails as bytes, read back by the standard library."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from db_utils import uuid7
from hypothesis import given, settings
from hypothesis import strategies as st
from service_email.html_text import text_of
from service_email.mime import Piece, compose
from service_email.models import Message

ENCODED_BREAK = "=?utf-8?q?a=0D=0ABcc:_z@y.fr=0D=0A?="


def stored(**columns: Any) -> Message:
    """A message as Send stores it; *columns* replace the usual ones."""
    identity = uuid7()
    usual = {
        "organisation_id": "org-1",
        "de": "Société é <crm@exemple.fr>",
        "a": [{"email": "jean@exemple.fr", "nom": "Jean"}],
        "sujet": "Bonjour",
        "corps_texte": "Bonjour.",
        "message_id": f"<{identity}@exemple.fr>",
        "origine": "rpc",
        "prochain_essai": None,
    }
    return Message(id=identity, **{**usual, **columns})


def read(message: Message) -> EmailMessage:
    """The mail of *message* as its reader gets it."""
    return message_from_bytes(compose(message).content, policy=policy.default)


def names_of(mail: EmailMessage) -> set[str]:
    """The headers that *mail* has."""
    return {name.lower() for name in mail.keys()}  # noqa: SIM118 - a mail iterates over nothing else


def people(mail: EmailMessage, header: str) -> list[tuple[str, str]]:
    """The people in *header*, without spaces in names: the library's reader adds some."""
    return [(one.display_name.replace(" ", ""), one.addr_spec) for one in mail[header].addresses]


def test_R02_both_bodies_are_alternatives_of_one_mail() -> None:
    """The text comes first, then the HTML, which readers prefer."""
    mail = read(stored(corps_texte="Prix : 5 €\n.\nFrom x", corps_html="<p>5 €</p>"))
    plain, html = mail.iter_parts()
    assert mail.get_content_type() == "multipart/alternative"
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().replace("\r\n", "\n") == "Prix : 5 €\n.\nFrom x\n"
    assert html.get_content().strip() == "<p>5 €</p>"


def test_R02_html_alone_brings_its_text() -> None:
    """The text part is derived from the HTML."""
    mail = read(stored(corps_texte=None, corps_html="<p>Bonjour <b>Léa</b></p>"))
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "Bonjour Léa"


def test_R02_text_alone_is_no_multipart() -> None:
    """A text without HTML is one text/plain part."""
    assert read(stored()).get_content_type() == "text/plain"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>un</p><p>deux</p>", "un\n\ndeux"),
        ("un<br>deux<br/>trois", "un\ndeux\ntrois"),
        ("<ul><li>un</li><li>deux</li></ul>", "- un\n\n- deux"),
        ("a &amp; b &lt;c&gt; &eacute;", "a & b <c> é"),
        ("1\u202f000,00\u00a0€", "1\u202f000,00\u00a0€"),
        ('<a href="https://exemple.fr/?a=1&amp;b=2">ici</a>', "ici (https://exemple.fr/?a=1&b=2)"),
        ("<a href='https://exemple.fr'>https://exemple.fr</a>", "https://exemple.fr"),
        ('<a href="javascript:x()">ici</a>', "ici"),
        ("<html><head><title>t</title><style>p { x }</style></head><body>vu</body></html>", "vu"),
        ("<script>if (a < b) { x() }</script>vu", "vu"),
        ("<!-- caché <b>aussi</b> -->vu", "vu"),
        ("<!--[if mso]><table><tr><td>caché<![endif]-->vu", "vu"),
        ("3 < 4 et 5 > 4", "3 < 4 et 5 > 4"),
        ("  un \n\n  deux  ", "un deux"),
        ("", ""),
    ],
)
def test_R02_the_text_of_html_reads_like_a_letter(html: str, text: str) -> None:
    """Paragraphs, lists and links stay recognisable; hidden content is left out."""
    assert text_of(html).replace("\n\n- ", "\n- ") == text.replace("\n\n- ", "\n- ")


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet="<>!-/a'\"= &;\n", max_size=200))
def test_R02_any_markup_has_a_text(html: str) -> None:
    """Broken markup has a text, too."""
    assert isinstance(text_of(html), str)


def test_R25_an_attachment_follows_both_bodies() -> None:
    """Its name in any script, its type and its very bytes; the mail repeats byte for byte."""
    content = b"%PDF-1.7\n.\r\nFrom x\n" + bytes(range(256)) * 300
    message = stored(corps_html="<p>ci-joint</p>")
    pieces = [Piece("Facture d'Été.pdf", "application/pdf", content)]
    mail = compose(message, pieces)
    read_mail = message_from_bytes(mail.content, policy=policy.default)
    (piece,) = read_mail.iter_attachments()
    assert (read_mail.get_content_type(), piece.get_content_type()) == ("multipart/mixed", "application/pdf")
    assert (piece.get_filename(), piece.get_content()) == ("Facture d'Été.pdf", content)
    assert [read_mail.get_body((kind,)) is not None for kind in ("plain", "html")] == [True, True]
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998
    assert compose(message, pieces) == mail


def test_R04_blind_copies_are_in_the_envelope_only() -> None:
    """Recipients in cci are in the envelope and in no byte of the content."""
    message = stored(
        cc=[{"email": "lea@exemple.fr", "nom": ""}], cci=[{"email": "max@exemple.fr", "nom": "Max"}]
    )
    mail = compose(message)
    assert mail.recipients == ("jean@exemple.fr", "lea@exemple.fr", "max@exemple.fr")
    assert b"max" not in mail.content.lower()


def test_R07_the_headers_of_a_mail() -> None:
    """Sender, recipients, date and Message-ID are those of the message; the bytes repeat at each attempt."""
    at = datetime(2026, 3, 31, 12, 30, tzinfo=UTC)
    message = stored(created_at=at, repondre_a="lea@exemple.fr", entetes={"X-Dossier": "n° 7"})
    mail = read(message)
    assert str(mail["From"]) == "Société é <crm@exemple.fr>"
    assert (mail["Message-ID"], mail["Reply-To"], mail["X-Dossier"]) == (
        message.message_id,
        "lea@exemple.fr",
        "n° 7",
    )
    assert (mail["Date"].datetime, mail["MIME-Version"]) == (at, "1.0")
    assert compose(message) == compose(message)


@pytest.mark.parametrize(("origine", "header"), [("client.created", "auto-generated"), ("rpc", None)])
def test_R07_mails_of_events_say_that_they_are_automatic(origine: str, header: str | None) -> None:
    """Absence messages do not answer a mail with Auto-Submitted; Send leaves it out."""
    assert read(stored(origine=origine))["Auto-Submitted"] == header


@pytest.mark.parametrize("place", ["sujet", "nom", "entete"])
def test_R03_an_encoded_line_break_stays_a_text(place: str) -> None:
    """An encoded word typed by a user stays as it was typed."""
    mail = read(
        stored(
            sujet=ENCODED_BREAK if place == "sujet" else "Bonjour",
            a=[{"email": "jean@exemple.fr", "nom": ENCODED_BREAK if place == "nom" else ""}],
            entetes={"X-A": ENCODED_BREAK if place == "entete" else "1"},
        )
    )
    assert "bcc" not in names_of(mail)
    seen = {"sujet": mail["Subject"], "nom": mail["To"].addresses[0].display_name, "entete": mail["X-A"]}
    assert seen[place] == ENCODED_BREAK


_one_line = (
    st.text(max_size=255)
    .map(lambda text: " ".join(text.split()))
    .filter(
        lambda text: not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in text)
    )
)


@settings(deadline=None, derandomize=True)
@given(sujet=_one_line, noms=st.lists(_one_line, min_size=1, max_size=50), value=_one_line)
def test_R03_headers_survive_whatever_is_written_in_them(sujet: str, noms: Sequence[str], value: str) -> None:
    """Any names, subject and values give the same headers, the same people and lines that SMTP takes."""
    a = [{"email": f"p{number}@exemple.fr", "nom": nom} for number, nom in enumerate(noms)]
    message = stored(sujet=sujet, a=a, entetes={"X-A": value})
    mail = read(message)
    usual = {"from", "to", "date", "message-id", "mime-version", "content-type", "content-transfer-encoding"}
    assert names_of(mail) - usual <= {"subject", "x-a"}
    assert people(mail, "To") == [(one["nom"].replace(" ", ""), one["email"]) for one in a]
    assert (mail["Subject"] or "") == sujet
    assert max(len(line) for line in compose(message).content.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    ("columns", "smtputf8"),
    [
        ({}, False),
        ({"a": [{"email": "jean@société.fr", "nom": ""}]}, False),
        ({"a": [{"email": "élodie@exemple.fr", "nom": ""}]}, True),
        ({"cc": [{"email": "élodie@exemple.fr", "nom": ""}]}, True),
        ({"cci": [{"email": "élodie@exemple.fr", "nom": ""}]}, True),
        ({"repondre_a": "élodie@exemple.fr"}, True),
        ({"de": "CRM <été@exemple.fr>"}, True),
    ],
)
def test_R19_a_local_part_outside_ascii_anywhere_needs_smtputf8(
    columns: dict[str, Any], smtputf8: bool
) -> None:
    """A domain outside ASCII needs no extension: it has a form in ASCII."""
    assert compose(stored(**columns)).smtputf8 == smtputf8


def test_R19_such_addresses_stand_in_headers_as_they_are() -> None:
    """Addresses are in UTF-8 (RFC 6532) and lines end with CR LF, whoever stands next to them."""
    crowd = [{"email": f"personne{n}@société.fr", "nom": f"Personne numéro {n}"} for n in range(4)]
    elodie = {"email": "élodie@exemple.fr", "nom": "Legrand, Élodie"}
    mail = compose(
        stored(a=[*crowd, elodie], cc=[elodie], repondre_a="zoé@exemple.fr", de="É <été@exemple.fr>")
    )
    head = mail.content.partition(b"\r\n\r\n")[0]
    assert b"\n" not in head.replace(b"\r\n", b"")
    lines = head.decode().replace("\r\n ", " ").split("\r\n")
    assert any(line.startswith("From: ") and line.endswith(" <été@exemple.fr>") for line in lines)
    assert any(line.startswith("Cc: ") and line.endswith(" <élodie@exemple.fr>") for line in lines)
    assert "Reply-To: zoé@exemple.fr" in lines
    to = [*(f"personne{n}@xn--socit-esab.fr" for n in range(4)), "élodie@exemple.fr"]
    read_to = message_from_bytes(mail.content, policy=policy.SMTPUTF8)["To"].addresses
    assert [one.addr_spec.encode(errors="surrogateescape").decode() for one in read_to] == to
    assert (mail.recipients, mail.sender) == ((*to, "élodie@exemple.fr"), "été@exemple.fr")
