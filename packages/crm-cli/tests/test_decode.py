"""`crm decode`: payloads of the bus as JSON, also when nobody says what they are."""

import contextlib
import json
from typing import Any

import pytest
from crm.events import business_pb2, identity_pb2
from crm_cli import decoding
from crm_cli.home import CommandError
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from nats_utils import EVENTS
from service_testing.command import Command

ENVELOPE = {
    "eventId": "01a1fb78-bd73-7000-80ae-0febfa413411",
    "timestamp": "2026-11-21T00:19:16.467320Z",
    "correlationId": "c-1",
}
DATE = "2026-11-30T12:00:00Z"
CONTENTS: dict[str, dict[str, Any]] = {
    "client.created": {"clientId": "c", "organisationId": "o", "nom": "Dupont", "createdAt": DATE},
    "invoice.created": {"invoiceId": "i", "clientId": "c", "montant": 1000.5, "dateEcheance": DATE},
    "payment.received": {
        "paymentId": "p",
        "scheduleId": "s",
        "clientId": "c",
        "montant": 80.0,
        "dateReception": DATE,
        "factureId": "f",
    },
    "payment.rejected": {"paymentId": "p", "clientId": "c", "motifRejet": "AM04", "dateRejet": DATE},
    "contract.signed": {"contratId": "k", "clientId": "c", "montantTotal": 9.0, "dateSignature": DATE},
    "user.login": {"userId": "u", "email": "a@b.fr", "isFirstLogin": True, "metadata": {"a": [1.0, None]}},
}
AMBIGUOUS = {"contract.signed"}  # every contract.signed could be a payment.received without its invoice


def event(name: str, **more: Any) -> Message:
    """An event *name* as a service would publish it."""
    (kind,) = (kind for kind in EVENTS if kind.name == name)
    return ParseDict({**ENVELOPE, **CONTENTS[name], **more}, kind.message())


def test_the_table_of_events_is_the_one_of_the_bus() -> None:
    """Names are derived from the contracts; the bus declares them; both say the same."""
    assert {kind.name: kind.message for kind in EVENTS} == decoding.EVENT_CLASSES


@pytest.mark.parametrize("name", CONTENTS)
def test_the_subject_settles_what_a_payload_is(name: str) -> None:
    """With the subject, of the event or of its dead letter, every event is decoded."""
    payload = event(name).SerializeToString()
    expected = {"event": name, "data": {**ENVELOPE, **CONTENTS[name]}}
    for subject in (f"crm.events.{name}", f"crm.dlq.email.{name.replace('.', '-')}"):
        assert json.loads(decoding.decoded(payload, subject)) == expected


@pytest.mark.parametrize("name", sorted(CONTENTS.keys() - AMBIGUOUS))
def test_an_event_is_recognised_by_its_bytes(name: str) -> None:
    """One contract alone knows all of its fields."""
    assert decoding.candidates(event(name).SerializeToString()) == [name]


def test_doubt_is_told_and_both_readings_are_given() -> None:
    """A contract.signed has the wire types of a payment.received; nothing is guessed."""
    read = json.loads(decoding.decoded(event("contract.signed").SerializeToString()))["ambiguous"]
    assert {name: read[name].get("contratId") for name in sorted(read)} == {
        "contract.signed": "k",
        "payment.received": None,
    }


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b"\xff\xff\xff",
        business_pb2.ClientCreatedEvent(nom="no id").SerializeToString(),
        business_pb2.ClientCreatedEvent(event_id="not a uuid").SerializeToString(),
        identity_pb2.UserLoginEvent().SerializeToString(),
    ],
)
def test_what_is_no_event_is_refused(payload: bytes) -> None:
    """Without an id and a time of an event, bytes are not taken for one."""
    with pytest.raises(CommandError, match="no event of the CRM"):
        decoding.decoded(payload)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_or_read_and_never_a_crash(payload: bytes) -> None:
    """Anybody can publish anything."""
    with contextlib.suppress(CommandError):
        assert json.loads(decoding.decoded(payload))


@pytest.mark.parametrize("subject", ["crm.events", "crm.events.client.deleted", "x", "crm.events.>"])
def test_an_unknown_subject_is_named(subject: str) -> None:
    """The refusal lists the events that exist."""
    with pytest.raises(CommandError, match=r"client\.created"):
        decoding.decoded(b"", subject)


async def test_the_command_reads_standard_input(crm: Command) -> None:
    """One line of JSON, accents as they are, for `nats sub --translate`."""
    payload = event("client.created", nom="Noël").SerializeToString()
    guessed = await crm("decode", stdin=payload)
    told = await crm("decode", "--subject", "crm.events.client.created", stdin=payload)
    assert (guessed.code, guessed.out) == (0, told.out)
    assert '"nom": "Noël"' in guessed.out
    assert guessed.out.count("\n") == 1


async def test_the_command_refuses_in_one_sentence(crm: Command) -> None:
    """Exit code 1, nothing on standard output."""
    refused = await crm("decode", "--subject", "crm.events.client.created", stdin=b"\xff")
    assert (refused.code, refused.out, refused.err) == (1, "", "crm: 1 bytes that are no client.created\n")
