"""Rules of messages, tested as pure functions."""

from typing import Any

import pytest
from crm.email import email_pb2 as pb
from grpc_utils.errors import ChampRequis, FormatInvalide, InvalidArgument, TropLong
from service_email.addresses import wire_address
from service_email.departs import Depart
from service_email.models import Message
from service_email.rules import DestinatairesTropNombreux, EnteteInterdit, EntetesTropNombreux, new_message

DE = "CRM <crm@exemple.fr>"
INJECTIONS = ["\r\nBcc: z@y.fr", "\nBcc: z@y.fr", "\rBcc: z@y.fr", "\x00", "\u2028Bcc: z@y.fr", "\n"]


def people(*addresses: str) -> list[pb.Destinataire]:
    """Recipients without names."""
    return [pb.Destinataire(email=address) for address in addresses]


def stored(**fields: Any) -> Message:
    """The message made of a small request with these fields."""
    smallest = {"organisation_id": "org-1", "a": people("jean@exemple.fr"), "sujet": "Bonjour"}
    return new_message(pb.SendRequest(**{**smallest, "corps_texte": "Bonjour.", **fields}), Depart(DE))


@pytest.mark.parametrize("missing", [{"sujet": ""}, {"sujet": "  "}, {"corps_texte": " \n"}, {"a": []}])
def test_R02_a_message_has_a_recipient_a_subject_and_a_body(missing: dict[str, Any]) -> None:
    """A missing recipient, subject or body is CHAMP_REQUIS."""
    with pytest.raises(ChampRequis):
        stored(**missing)


def test_R02_html_alone_is_a_body() -> None:
    """HTML without a text is accepted; the text part is derived when the mail is written."""
    message = stored(corps_texte="", corps_html="<p>Bonjour.</p>")
    assert (message.corps_texte, message.corps_html) == (None, "<p>Bonjour.</p>")


def test_R02_bodies_keep_their_lines() -> None:
    """Line ends CR LF are stored as LF."""
    assert stored(corps_texte="un\r\ndeux\n\ttrois\r\n").corps_texte == "un\ndeux\n\ttrois"


@pytest.mark.parametrize("length", [1, 255, 256])
def test_R02_a_subject_has_at_most_255_characters(length: int) -> None:
    """Subjects of 255 characters are kept; one more is TROP_LONG."""
    if length <= 255:
        assert stored(sujet="é" * length).sujet == "é" * length
    else:
        with pytest.raises(TropLong):
            stored(sujet="é" * length)


@pytest.mark.parametrize("injection", INJECTIONS)
@pytest.mark.parametrize(
    "place",
    [
        lambda bad: {"a": people(f"x@y.fr{bad}")},
        lambda bad: {"cc": people(f"x@y.fr{bad}")},
        lambda bad: {"cci": people(f"x@y.fr{bad}")},
        lambda bad: {"a": [pb.Destinataire(email="x@y.fr", nom=f"Jean{bad}")]},
        lambda bad: {"sujet": f"Bonjour{bad}"},
        lambda bad: {"repondre_a": f"x@y.fr{bad}"},
        lambda bad: {"entetes": {f"X-A{bad}": "1"}},
        lambda bad: {"entetes": {"X-A": f"1{bad}"}},
    ],
    ids=["a", "cc", "cci", "nom", "sujet", "repondre_a", "name", "value"],
)
def test_R03_no_header_takes_a_line_break_or_nul(place: Any, injection: str) -> None:
    """Line breaks and NUL are ENTETE_INTERDIT in each place."""
    with pytest.raises(EnteteInterdit):
        stored(**place(injection))


@pytest.mark.parametrize("name", ["Bcc", "Subject", "X", "X-CRM-Id", "x-crm-id", "From:"])
def test_R03_only_x_headers_are_free_and_not_ours(name: str) -> None:
    """Standard headers and those with X-CRM- are ENTETE_INTERDIT."""
    with pytest.raises(EnteteInterdit):
        stored(entetes={name: "1"})


@pytest.mark.parametrize("name", ["X-", "X-A:B", "X-A B", "X-é", "X-" + "a" * 61])
def test_R03_a_header_name_is_made_of_letters_digits_and_hyphens(name: str) -> None:
    """Names that no header can have are FORMAT_INVALIDE."""
    with pytest.raises(FormatInvalide):
        stored(entetes={name: "1"})


@pytest.mark.parametrize(
    "fields",
    [{"a": [pb.Destinataire(email="x@y.fr", nom="x" * 256)]}, {"entetes": {"X-A": "x" * 256}}],
    ids=["nom", "value"],
)
def test_R03_names_and_values_have_at_most_255_characters(fields: dict[str, Any]) -> None:
    """Longer ones are TROP_LONG."""
    with pytest.raises(TropLong):
        stored(**fields)


def test_R03_ten_headers_are_admitted() -> None:
    """Ten additional headers are kept; an eleventh is refused."""
    ten = {f"X-{number}": "1" for number in range(10)}
    assert stored(entetes=ten).entetes == ten
    with pytest.raises(EntetesTropNombreux):
        stored(entetes={**ten, "X-10": "1"})


@pytest.mark.parametrize(
    "address", ["", "jean", "jean@", "@exemple.fr", "a b@exemple.fr", "jean@exemple", "é lise@exemple.fr"]
)
def test_R04_addresses_are_valid(address: str) -> None:
    """Texts that are no address by the rule of all services (C10) are refused."""
    with pytest.raises(InvalidArgument):
        stored(cc=people(address))


@pytest.mark.parametrize("address", ["élodie@exemple.fr", "Élodie@société.fr", "用户@exemple.fr"])
def test_R04_local_parts_outside_ascii_are_taken(address: str) -> None:
    """Local parts outside ASCII are stored; delivering them is another matter (R19)."""
    assert stored(cc=people(address)).cc[0]["email"] == address.lower()


def test_R04_doubles_are_merged_and_the_first_stays() -> None:
    """Doubles over a, cc and cci are merged in any case, and the first keeps its place and name."""
    message = stored(
        a=[pb.Destinataire(email="Jean@Exemple.fr", nom="Jean"), *people("jean@exemple.fr")],
        cc=people("lea@exemple.fr", "JEAN@exemple.fr"),
        cci=people("lea@exemple.fr", "max@exemple.fr"),
    )
    assert [message.a, message.cc, message.cci] == [
        [{"email": "jean@exemple.fr", "nom": "Jean"}],
        [{"email": "lea@exemple.fr", "nom": ""}],
        [{"email": "max@exemple.fr", "nom": ""}],
    ]


def test_R04_fifty_recipients_are_admitted() -> None:
    """Fifty addresses over the three lists are admitted, doubles not counted; one more is refused."""
    fifty = people(*(f"p{number}@exemple.fr" for number in range(50)))
    assert len(stored(a=fifty[:20], cc=fifty[20:], cci=fifty[:10]).cc) == 30
    with pytest.raises(DestinatairesTropNombreux):
        stored(a=fifty, cci=people("un-de-plus@exemple.fr"))


def test_R07_the_message_id_names_the_message_and_the_senders_domain() -> None:
    """The Message-ID is made with the message, for all its attempts."""
    message = stored()
    assert message.message_id == f"<{message.id}@exemple.fr>"


def test_R04_a_domain_travels_in_ascii() -> None:
    """A domain outside ASCII is spelt by IDNA 2008; other addresses stay as they are."""
    assert wire_address("jean@straße.de") == "jean@xn--strae-oqa.de"
    assert wire_address("jean@exemple.fr") == "jean@exemple.fr"
