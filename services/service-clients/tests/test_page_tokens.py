"""Page tokens that were forged, or given out by another list (C8), against every list here."""

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import (
    AdresseServiceStub,
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
    ClientPartenaireServiceStub,
    StatutClientServiceStub,
)
from crm.common.common_pb2 import Pagination
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_testing import Mesh, code_of, refusal

DIGEST = 9  # bytes with which a token begins; they tie its place to its list
IDENTITY = "01a1fb75-50d8-7000-b12e-6ba4f946a11e"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)
INSTANTS = st.datetimes(timezones=st.timezones()).map(lambda instant: instant.isoformat())
VALUES = JSON | INSTANTS | st.dates().map(str) | st.characters() | st.integers(2**31, 2**70)

Ask = Callable[[Pagination], Awaitable[Any]]


def token(digest: bytes, content: bytes) -> str:
    """Token of these parts."""
    return base64.urlsafe_b64encode(digest + content).decode().rstrip("=")


def position(*parts: object) -> bytes:
    """Place in a list, encoded as in a genuine token."""
    return json.dumps(parts).encode()


@pytest.fixture(scope="module")
async def lists(mesh: Mesh) -> dict[str, Ask]:
    """Every sort of every list, each with more rows than its page of one."""
    channel = mesh.channel("clients", mesh.secrets.token(organisation="org-jetons"))
    await _fill(channel)
    clients, adresses = ClientBaseServiceStub(channel), AdresseServiceStub(channel)
    client = (await clients.List(pb.ListClientBasesRequest())).clients[0]
    asks: dict[str, Callable[[Pagination], Any]] = {
        "created_at nom prenom date_creation": lambda page: clients.List(
            pb.ListClientBasesRequest(pagination=page)
        ),
        "type created_at": lambda page: adresses.ListByClient(
            pb.ListAdressesByClientRequest(client_base_id=client.id, pagination=page)
        ),
        "raison_sociale": lambda page: ClientEntrepriseServiceStub(channel).List(
            pb.ListClientEntreprisesRequest(pagination=page)
        ),
        "valid_from": lambda page: ClientPartenaireServiceStub(channel).List(
            pb.ListClientPartenairesRequest(pagination=page)
        ),
        "ordre_affichage": lambda page: StatutClientServiceStub(channel).List(
            pb.ListStatutClientsRequest(pagination=page)
        ),
    }
    return {
        f"{number} {sort}": _sorted(ask, sort)
        for number, (sorts, ask) in enumerate(asks.items())
        for sort in sorts.split()
    }


def _sorted(ask: Callable[[Pagination], Any], sort: str) -> Ask:
    return lambda page: ask(Pagination(page_size=1, sort_by=sort, page_token=page.page_token))


async def _fill(channel: grpc.aio.Channel) -> None:
    """Create two rows for each list; statuses are supplied by the system."""
    clients = ClientBaseServiceStub(channel)
    await clients.Create(pb.CreateClientBaseRequest(nom="Anne"))
    client = await clients.Create(pb.CreateClientBaseRequest(nom="Bob"))
    for siren in ("732829320", "552032534"):
        await ClientEntrepriseServiceStub(channel).Create(
            pb.CreateClientEntrepriseRequest(raison_sociale="Essai", siren=siren)
        )
    for role in ("APPORTEUR", "CONSEIL"):
        await ClientPartenaireServiceStub(channel).Create(
            pb.CreateClientPartenaireRequest(client_base_id=client.id, partenaire_id="part-1", role=role)
        )
    for kind in ("PRINCIPALE", "LIVRAISON"):
        await AdresseServiceStub(channel).Create(
            pb.CreateAdresseRequest(
                client_base_id=client.id, ligne1="1 rue X", code_postal="75002", ville="Paris", type=kind
            )
        )


async def genuine(lists: dict[str, Ask]) -> dict[str, bytes]:
    """Decoded token of each list's next page."""
    answers = {name: await ask(Pagination()) for name, ask in lists.items()}
    tokens = {name: answer.pagination.next_page_token for name, answer in answers.items()}
    return {name: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for name, text in tokens.items()}


async def test_C08_a_genuine_token_is_accepted(lists: dict[str, Ask]) -> None:
    """An unchanged token is accepted, so that the refusals below come from the changes."""
    for name, content in (await genuine(lists)).items():
        assert (name, await code_of(lists[name](Pagination(page_token=token(b"", content))))) == (
            name,
            StatusCode.OK,
        )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'["Anne", ',
        b'[["Anne"]',
        position("Anne" * 10_000, IDENTITY),
        position("Anne", IDENTITY),
        position("\x00", IDENTITY),
        position("\ud800", IDENTITY),
    ],
    ids=lambda content: repr(content[:12]),
)
async def test_C08_another_place_is_refused(lists: dict[str, Ask], content: bytes) -> None:
    """A forged place behind a genuine digest is JETON_DE_PAGE_INVALIDE for every list."""
    for name, own in (await genuine(lists)).items():
        answer = await refusal(lists[name](Pagination(page_token=token(own[:DIGEST], content))))
        assert (name, answer.code, answer.reason, answer.metadata) == (
            name,
            StatusCode.INVALID_ARGUMENT,
            "JETON_DE_PAGE_INVALIDE",
            {"champ": "page_token"},
        )


@pytest.mark.parametrize("text", ["x", "é", "====", "' OR 1=1 --", "A" * 100_000])
async def test_C08_what_is_no_token_is_refused(lists: dict[str, Ask], text: str) -> None:
    """A text of any letters and length that is no token is refused."""
    for ask in lists.values():
        assert (await refusal(ask(Pagination(page_token=text)))).reason == "JETON_DE_PAGE_INVALIDE"


async def test_C08_a_token_serves_its_own_list_only(lists: dict[str, Ask]) -> None:
    """Every other list and every other sort refuse a genuine token."""
    for name, content in (await genuine(lists)).items():
        for other, ask in lists.items():
            if other != name:
                answer = await refusal(ask(Pagination(page_token=token(b"", content))))
                assert (name, other, answer.reason) == (name, other, "JETON_DE_PAGE_INVALIDE")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES, keeps_digest=st.booleans())
async def test_C08_no_forged_place_makes_a_call_fail_unexpectedly(
    lists: dict[str, Ask], value: object, keeps_digest: bool
) -> None:
    """Any value forged into a token is INVALID_ARGUMENT, with a genuine digest or without."""
    for name, own in (await genuine(lists)).items():
        forged = token(own[:DIGEST] if keeps_digest else b"", position(value, IDENTITY))
        code = await code_of(lists[name](Pagination(page_token=forged)))
        assert (name, code) == (name, StatusCode.INVALID_ARGUMENT)
