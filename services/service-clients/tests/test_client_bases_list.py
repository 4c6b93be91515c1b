"""ClientBaseService/List: filters, search, sorts and pages (C8)."""

import asyncio
from typing import Any

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import text_key, uuid7
from grpc import StatusCode
from hypothesis import given, settings
from hypothesis import strategies as st
from service_testing import Mesh, pages, refusal

SORTS = ("created_at", "nom", "prenom", "date_creation")


@pytest.fixture(scope="module")
async def crowd(mesh: Mesh) -> ClientBaseServiceStub:
    """Clients of an organisation that has 105."""
    clients = mesh.stub(ClientBaseServiceStub, organisation="org-foule")
    await asyncio.gather(
        *(clients.Create(pb.CreateClientBaseRequest(nom=f"Client {number}")) for number in range(105))
    )
    return clients


@pytest.fixture
async def four(clients: ClientBaseServiceStub) -> ClientBaseServiceStub:
    """Clients of an organisation that has four, each different from the others."""
    for request in (
        {"nom": "Lefèvre", "prenom": "Élise", "statut": "PROSPECT", "societe_id": "soc-1"},
        {"nom": "100% Pur", "type_client": "ENTREPRISE", "commercial_id": "com-1"},
        {"nom": "Bernard", "prenom": "A_B", "email": "b.arnaud@exemple.fr", "societe_id": "soc-2"},
        {"nom": "Petit", "prenom": "C\\D", "telephone": "06 12 34 56 78"},
    ):
        await clients.Create(pb.CreateClientBaseRequest(**request))
    return clients


async def names(clients: ClientBaseServiceStub, **fields: Any) -> list[str]:
    """Names on the first page of a list, in its order."""
    listed = await clients.List(pb.ListClientBasesRequest(**fields))
    return [client.nom for client in listed.clients]


async def test_R11_the_newest_comes_first(four: ClientBaseServiceStub) -> None:
    """Lists are sorted by created_at, descending, unless told otherwise."""
    assert await names(four) == ["Petit", "Bernard", "100% Pur", "Lefèvre"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"statut": "PROSPECT"}, ["Lefèvre"]),
        ({"type_client": "ENTREPRISE"}, ["100% Pur"]),
        ({"societe_id": "soc-2"}, ["Bernard"]),
        ({"commercial_id": "com-1"}, ["100% Pur"]),
        ({"statut": "ACTIF", "societe_id": "soc-2"}, ["Bernard"]),
        ({"statut": "PROSPECT", "societe_id": "soc-2"}, []),
        ({"statut": "prospect"}, []),
        ({"statut": "JAMAIS-VU"}, []),
        ({"societe_id": "pas un identifiant"}, []),
    ],
)
async def test_filters_keep_what_has_all_values(
    four: ClientBaseServiceStub, filters: dict[str, str], expected: list[str]
) -> None:
    """Filters narrow a list together; a status that nobody has makes an empty page."""
    assert await names(four, **filters) == expected


async def test_C01_a_type_is_one_of_three(four: ClientBaseServiceStub) -> None:
    """A type outside the closed list is VALEUR_INCONNUE."""
    answer = await refusal(four.List(pb.ListClientBasesRequest(type_client="entreprise")))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "VALEUR_INCONNUE",
        {"champ": "type_client"},
    )


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("LEFÈV", ["Lefèvre"]),
        ("lise", ["Lefèvre"]),
        ("ÉLISE", ["Lefèvre"]),
        ("@EXEMPLE", ["Bernard"]),
        ("12 34", ["Petit"]),
        ("+336123", ["Petit"]),
        ("  petit ", ["Petit"]),
        ("%", ["100% Pur"]),
        ("0% p", ["100% Pur"]),
        ("_", ["Bernard"]),
        ("\\", ["Petit"]),
        ("' OR 1=1 --", []),
        ("'; DROP TABLE client_bases; --", []),
        ("x" * 100, []),
    ],
)
async def test_search_is_a_substring_in_any_case(
    four: ClientBaseServiceStub, search: str, expected: list[str]
) -> None:
    """A search looks in names, email and phone; wildcards and quotes are plain characters."""
    assert await names(four, search=search) == expected


@pytest.mark.parametrize(
    ("sort_by", "order", "expected"),
    [
        ("nom", "", ["100% Pur", "Bernard", "Lefèvre", "Petit"]),
        ("nom", "DESC", ["Petit", "Lefèvre", "Bernard", "100% Pur"]),
        ("prenom", "Asc", ["100% Pur", "Bernard", "Petit", "Lefèvre"]),
        ("date_creation", "", ["Lefèvre", "100% Pur", "Bernard", "Petit"]),
        ("", "asc", ["Lefèvre", "100% Pur", "Bernard", "Petit"]),
        ("created_at", "", ["Petit", "Bernard", "100% Pur", "Lefèvre"]),
    ],
)
async def test_C08_sorts(four: ClientBaseServiceStub, sort_by: str, order: str, expected: list[str]) -> None:
    """Each sort has a default direction, and takes the one asked for in any case."""
    assert await names(four, pagination=Pagination(sort_by=sort_by, sort_order=order)) == expected


@pytest.mark.parametrize(("asked", "given"), [(0, 20), (1, 1), (100, 100), (101, 100), (2**31 - 1, 100)])
async def test_C08_page_size(crowd: ClientBaseServiceStub, asked: int, given: int) -> None:
    """A page size of 0 is 20, and one above 100 is 100."""
    assert len(await names(crowd, pagination=Pagination(page_size=asked))) == given


async def test_C08_the_total_is_counted_when_asked(crowd: ClientBaseServiceStub) -> None:
    """The total counts all pages of the filtered list, and is absent unless asked for."""
    counted = Pagination(page_size=1, with_total=True)
    everybody = await crowd.List(pb.ListClientBasesRequest(pagination=counted))
    some = await crowd.List(pb.ListClientBasesRequest(search="10", pagination=counted))
    uncounted = await crowd.List(pb.ListClientBasesRequest())
    assert (everybody.pagination.total, some.pagination.total) == (105, 6)
    assert not uncounted.pagination.HasField("total")


@pytest.mark.parametrize(
    "other",
    [
        {"statut": "ACTIF"},
        {"search": "client"},
        {"pagination": Pagination(sort_by="nom")},
        {"pagination": Pagination(sort_order="asc")},
    ],
)
async def test_C08_a_token_is_bound_to_its_list(crowd: ClientBaseServiceStub, other: dict[str, Any]) -> None:
    """A token is refused with another sort or filter, and accepted with another page size."""
    token = (await crowd.List(pb.ListClientBasesRequest())).pagination.next_page_token
    request = pb.ListClientBasesRequest(**other)
    request.pagination.page_token = token
    answer = await refusal(crowd.List(request))
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, "JETON_DE_PAGE_INVALIDE")
    larger = Pagination(page_token=token, page_size=50)
    assert len(await names(crowd, pagination=larger)) == 50


@settings(deadline=None, max_examples=25)
@given(
    names=st.lists(st.sampled_from(["Anne", "Bob", "Éva-Bob"]), min_size=1, max_size=9),
    size=st.integers(1, 4),
    sort_by=st.sampled_from(SORTS),
    descending=st.booleans(),
    late=st.lists(st.sampled_from(["Aaa", "Bob", "Zzz"]), max_size=5),
)
async def test_C08_a_walk_meets_every_client_once(
    mesh: Mesh, names: list[str], size: int, sort_by: str, descending: bool, late: list[str]
) -> None:
    """Pages meet each client once and in order while others are created between them."""
    clients = mesh.stub(ClientBaseServiceStub, organisation=f"org-{uuid7()}")
    for name in names:
        await clients.Create(pb.CreateClientBaseRequest(nom=name, prenom=name[3:]))
    there = {client.id for client in (await clients.List(pb.ListClientBasesRequest())).clients}
    order = Pagination(page_size=size, sort_by=sort_by, sort_order="desc" if descending else "asc")
    met: list[pb.ClientBase] = []
    async for page in pages(clients.List, pb.ListClientBasesRequest(pagination=order)):
        met += page.clients
        if late:
            await clients.Create(pb.CreateClientBaseRequest(nom=late.pop(), prenom="Nouveau"))
    ids = [client.id for client in met]
    assert there <= set(ids)
    assert len(ids) == len(set(ids))
    keys = [_sort_key(client, sort_by) for client in met]
    assert keys == sorted(keys, reverse=descending)


def _sort_key(client: pb.ClientBase, sort_by: str) -> tuple[object, str]:
    value = getattr(client, sort_by)
    return (text_key(value) if isinstance(value, str) else value.ToNanoseconds()), client.id
