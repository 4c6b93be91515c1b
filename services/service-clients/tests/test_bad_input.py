"""Requests that are refused, and what the caller is told about them (C7, C10, C19)."""

from typing import Any

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub, StatutClientServiceStub
from grpc import StatusCode
from service_testing import Mesh, refusal

CREATE = "/clients.ClientBaseService/Create"
MEBIBYTE = 1024 * 1024


def new(**fields: str) -> pb.CreateClientBaseRequest:
    """Request for a client."""
    return pb.CreateClientBaseRequest(**({"nom": "Test"} | fields))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"nom": "x" * 101}, "TROP_LONG"),
        ({"nom": "İ" * 100}, "TROP_LONG"),
        ({"nom": "Du\x00pont"}, "FORMAT_INVALIDE"),
        ({"nom": "Du\x1b[31mpont"}, "FORMAT_INVALIDE"),
        ({"nom": "Du\x85pont"}, "FORMAT_INVALIDE"),
        ({"prenom": "x" * 101}, "TROP_LONG"),
        ({"prenom": "Je\ran"}, "FORMAT_INVALIDE"),
        ({"type_client": "Particulier"}, "VALEUR_INCONNUE"),
        ({"date_naissance": "2101-01-01"}, "DATE_INVALIDE"),
        ({"date_naissance": "1899-12-31"}, "DATE_INVALIDE"),
        ({"date_naissance": "2026-02-30"}, "DATE_INVALIDE"),
        ({"date_naissance": "07/11/1967"}, "DATE_INVALIDE"),
        ({"telephone": "12"}, "FORMAT_INVALIDE"),
        ({"telephone": "06" + " " * 21 + "12345678"}, "TROP_LONG"),
        ({"telephone": "+49 123456789012345"}, "FORMAT_INVALIDE"),
        ({"email": "jean"}, "FORMAT_INVALIDE"),
        ({"email": "Jean <jean@example.fr>"}, "FORMAT_INVALIDE"),
        ({"email": "jean@localhost"}, "FORMAT_INVALIDE"),
        ({"email": "x" * 245 + "@example.fr"}, "TROP_LONG"),
        ({"partenaire_id": "-part"}, "FORMAT_INVALIDE"),
        ({"commercial_id": "x" * 65}, "FORMAT_INVALIDE"),
        ({"societe_id": "a b"}, "FORMAT_INVALIDE"),
        ({"compte_code": "é"}, "FORMAT_INVALIDE"),
    ],
)
async def test_C07_a_refusal_names_the_field_at_fault(
    clients: ClientBaseServiceStub, fields: dict[str, str], reason: str
) -> None:
    """A refusal carries reason, domain, field and a French sentence, and stores nothing."""
    (champ,) = fields
    answer = await refusal(clients.Create(new(**fields)))
    assert (answer.code, answer.reason, answer.domain) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        "crm.clients",
    )
    assert (answer.metadata, answer.fields) == ({"champ": champ}, (champ,))
    assert answer.message.startswith(("Le ", "La ", "Un ", "Une "))
    assert not (await clients.List(pb.ListClientBasesRequest())).clients


async def test_C07_a_refusal_repeats_nothing_personal(
    clients: ClientBaseServiceStub, dupont: pb.ClientBase
) -> None:
    """The refusal of a duplicate names its id and no personal data."""
    answer = await refusal(clients.Create(new(nom=dupont.nom, telephone=dupont.telephone)))
    told = f"{answer.message} {sorted(answer.metadata.values())}"
    known = (dupont.nom, dupont.telephone, dupont.telephone_e164, dupont.email, "key", "Key")
    assert [word for word in known if word in told] == []


@pytest.mark.parametrize("size", [101, MEBIBYTE, 4 * MEBIBYTE - 100])
async def test_C10_a_long_nom_is_refused(clients: ClientBaseServiceStub, size: int) -> None:
    """A name that is too long is refused by its field, up to the limit of a message."""
    answer = await refusal(clients.Create(new(nom="x" * size)))
    assert (answer.code, answer.metadata) == (StatusCode.INVALID_ARGUMENT, {"champ": "nom"})


async def test_C19_a_body_of_more_than_4_mib_is_refused(clients: ClientBaseServiceStub) -> None:
    """A larger message is RESOURCE_EXHAUSTED; nothing is stored and the next call is answered."""
    answer = await refusal(clients.Create(new(nom="x" * 4 * MEBIBYTE)))
    assert answer.code == StatusCode.RESOURCE_EXHAUSTED
    assert not (await clients.List(pb.ListClientBasesRequest())).clients


@pytest.mark.parametrize(
    "body", [b"\xff\xff\xff", b"\x1a\x7f", b"\x1a\x02\xc3\x28", b"\x1a\x03\xed\xa0\x80"], ids=repr
)
async def test_C19_what_is_no_message_is_refused(channel: grpc.aio.Channel, body: bytes) -> None:
    """Bytes that are no message of the contract are REQUETE_ILLISIBLE."""
    call: Any = channel.unary_unary(CREATE)
    answer = await refusal(call(body))
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, "REQUETE_ILLISIBLE")


async def test_C19_unknown_fields_are_ignored(channel: grpc.aio.Channel) -> None:
    """A request of a later contract, with a field unknown here, is answered."""
    call: Any = channel.unary_unary(CREATE, response_deserializer=pb.ClientBase.FromString)
    later = b"\xfa\x07\x05hello"  # field 127
    assert (await call(new().SerializeToString() + later)).nom == "Test"


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  Dupont\u00a0", "Dupont"),
        ("Be\u0301nard", "Bénard"),
        ("Zoe\u0308", "Zoë"),
        ("De\tLa\nTour", "De La Tour"),
        ("x" * 50 + " " * 60 + "y", "X" + "x" * 49 + " Y"),
        ("e\u0301" * 100, "É" + "é" * 99),
    ],
)
async def test_C10_texts_are_trimmed_and_composed(
    clients: ClientBaseServiceStub, typed: str, stored: str
) -> None:
    """A text is trimmed and composed (NFC) before its length counts."""
    created = await clients.Create(new(nom=typed))
    assert (created.nom, (await clients.Get(pb.GetClientBaseRequest(id=created.id))).nom) == (stored, stored)


async def test_C10_lines_and_tabs_are_text(statuts: StatutClientServiceStub) -> None:
    """Line feeds and tabs stay inside a text of several lines and go at its ends."""
    request = pb.CreateStatutClientRequest(code="VIP", nom="VIP", description="\n a\n\tb \n")
    assert (await statuts.Create(request)).description == "a\n\tb"


async def test_C05_a_call_without_a_token_is_unauthenticated(mesh: Mesh) -> None:
    """Authentication comes before the body, which is not even a message here."""
    call: Any = mesh.channel("clients").unary_unary(CREATE)
    answer = await refusal(call(b"\xff\xff\xff"))
    assert (answer.code, answer.domain) == (StatusCode.UNAUTHENTICATED, "crm.clients")
