"""ClientPartenaireService: links of partners to clients and their periods (R16)."""

import asyncio
from datetime import date
from typing import Any

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub, ClientPartenaireServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import clock, uuid7
from grpc import StatusCode
from grpc.aio import AioRpcError
from hypothesis import given, settings
from hypothesis import strategies as st
from service_testing import Mesh, code_of, pages, refusal

DAYS = st.dates(date(2026, 1, 1), date(2026, 1, 12))
PERIODS = st.tuples(DAYS, st.none() | DAYS).filter(lambda p: p[1] is None or p[1] >= p[0])


def new(client: pb.ClientBase, *period: str, **fields: str) -> pb.CreateClientPartenaireRequest:
    """Request that links part-1 to *client* for *period*, its first and last day."""
    valid_from, valid_to = (*period, "", "")[:2]
    values = {"client_base_id": client.id, "partenaire_id": "part-1"} | fields
    return pb.CreateClientPartenaireRequest(valid_from=valid_from, valid_to=valid_to, **values)


async def periods(partenaires: ClientPartenaireServiceStub, **filters: Any) -> list[str]:
    """First days of the links that are listed, in the order of the list."""
    listed = await partenaires.List(pb.ListClientPartenairesRequest(**filters))
    return [link.valid_from for link in listed.clients]


async def test_R16_a_link_begins_today(
    partenaires: ClientPartenaireServiceStub, dupont: pb.ClientBase
) -> None:
    """The smallest creation links an APPORTEUR from today without an end."""
    days = [clock.today()]
    link = await partenaires.Create(new(dupont))
    days.append(clock.today())
    assert link.valid_from in {day.isoformat() for day in days}
    expected = pb.ClientPartenaire(
        id=link.id,
        client_base_id=dupont.id,
        partenaire_id="part-1",
        role="APPORTEUR",
        valid_from=link.valid_from,
        created_at=link.created_at,
        updated_at=link.created_at,
        version=1,
    )
    assert expected == link


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"client_base_id": ""}, "CHAMP_REQUIS", "client_base_id"),
        ({"partenaire_id": ""}, "CHAMP_REQUIS", "partenaire_id"),
        ({"partenaire_id": "é"}, "FORMAT_INVALIDE", "partenaire_id"),
        ({"partenaire_id": "x" * 65}, "FORMAT_INVALIDE", "partenaire_id"),
        ({"role": "x" * 51}, "TROP_LONG", "role"),
        ({"valid_from": "2026-02-30"}, "DATE_INVALIDE", "valid_from"),
        ({"valid_to": "31/12/2026"}, "DATE_INVALIDE", "valid_to"),
        ({"valid_from": "2026-06-02", "valid_to": "2026-06-01"}, "DATE_INVALIDE", "valid_to"),
        ({"valid_to": "2020-01-01"}, "DATE_INVALIDE", "valid_to"),
    ],
)
async def test_R16_creation_names_the_field_at_fault(
    partenaires: ClientPartenaireServiceStub,
    dupont: pb.ClientBase,
    fields: dict[str, str],
    reason: str,
    champ: str,
) -> None:
    """A refused creation is INVALID_ARGUMENT with reason and field."""
    request = pb.CreateClientPartenaireRequest(
        **({"client_base_id": dupont.id, "partenaire_id": "part-1"} | fields)
    )
    answer = await refusal(partenaires.Create(request))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )


async def test_R16_a_link_needs_a_client(
    partenaires: ClientPartenaireServiceStub, dupont: pb.ClientBase
) -> None:
    """A link to an unknown client is NOT_FOUND."""
    dupont.id = str(uuid7())
    answer = await refusal(partenaires.Create(new(dupont)))
    assert (answer.code, answer.reason) == (StatusCode.NOT_FOUND, "INTROUVABLE")


async def test_R16_overlapping_links_are_refused(
    partenaires: ClientPartenaireServiceStub, dupont: pb.ClientBase
) -> None:
    """A link with one day in common with another is ALREADY_EXISTS."""
    await partenaires.Create(new(dupont, "2026-01-01", "2026-01-31"))
    answer = await refusal(partenaires.Create(new(dupont, "2026-01-31")))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        {"contrainte": "ex_client_partenaire_periode"},
    )
    assert (await partenaires.Create(new(dupont, "2026-02-01"))).valid_from == "2026-02-01"


async def test_R16_another_role_partner_or_client_overlaps_nothing(
    clients: ClientBaseServiceStub, partenaires: ClientPartenaireServiceStub, dupont: pb.ClientBase
) -> None:
    """Links that differ in role, partner or client may have the same period."""
    durand = await clients.Create(pb.CreateClientBaseRequest(nom="Durand"))
    for request in (
        new(dupont, "2026-01-01"),
        new(dupont, "2026-01-01", role="CONSEIL"),
        new(dupont, "2026-01-01", partenaire_id="part-2"),
        new(durand, "2026-01-01"),
    ):
        await partenaires.Create(request)
    assert len(await periods(partenaires)) == 4


async def test_R16_parallel_overlapping_links_make_one(
    partenaires: ClientPartenaireServiceStub, dupont: pb.ClientBase
) -> None:
    """One of ten overlapping links at once is created."""
    creations = (partenaires.Create(new(dupont, f"2026-01-{day:02d}")) for day in range(1, 11))
    answers = await asyncio.gather(*creations, return_exceptions=True)
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert codes == [StatusCode.ALREADY_EXISTS] * 9


@settings(deadline=None, max_examples=30)
@given(first=PERIODS, second=PERIODS, day=DAYS)
async def test_R16_periods_hold_both_their_ends(
    mesh: Mesh, first: tuple[date, date | None], second: tuple[date, date | None], day: date
) -> None:
    """Both ends count for the overlap of two periods and for actif_le."""
    channel = mesh.channel("clients", mesh.secrets.token(organisation=f"org-{uuid7()}"))
    client = await ClientBaseServiceStub(channel).Create(pb.CreateClientBaseRequest(nom="Test"))
    partenaires = ClientPartenaireServiceStub(channel)
    texts = [tuple(end.isoformat() if end else "" for end in period) for period in (first, second)]
    await partenaires.Create(new(client, *texts[0]))
    code = await code_of(partenaires.Create(new(client, *texts[1])))
    overlap = first[0] <= (second[1] or date.max) and second[0] <= (first[1] or date.max)
    assert code == (StatusCode.ALREADY_EXISTS if overlap else StatusCode.OK)
    stored = [first] if overlap else [first, second]
    active = {begin.isoformat() for begin, end in stored if begin <= day <= (end or date.max)}
    assert active == set(await periods(partenaires, actif_le=day.isoformat()))


async def test_list_filters(partenaires: ClientPartenaireServiceStub, dupont: pb.ClientBase) -> None:
    """Links are filtered by client, partner and day, the latest first."""
    for month, partner in (("01", "part-1"), ("03", "part-2"), ("02", "part-1")):
        await partenaires.Create(new(dupont, f"2026-{month}-01", f"2026-{month}-20", partenaire_id=partner))
    assert await periods(partenaires) == ["2026-03-01", "2026-02-01", "2026-01-01"]
    assert await periods(partenaires, partenaire_id="part-1") == ["2026-02-01", "2026-01-01"]
    assert await periods(partenaires, client_base_id=dupont.id, actif_le="2026-01-20") == ["2026-01-01"]
    assert await periods(partenaires, actif_le="2026-01-21") == []
    assert await periods(partenaires, partenaire_id="part-3") == []


@pytest.mark.parametrize("client_id", ["01a1fb75-50d8-7000-b12e-6ba4f946a11e", "pas-un-identifiant"])
async def test_C02_links_of_an_unknown_client_are_none(
    partenaires: ClientPartenaireServiceStub, dupont: pb.ClientBase, client_id: str
) -> None:
    """An unknown client makes an empty page with its total; other faults are still told."""
    await partenaires.Create(new(dupont))
    request = pb.ListClientPartenairesRequest(
        client_base_id=client_id, pagination=Pagination(with_total=True)
    )
    listed = await partenaires.List(request)
    assert (list(listed.clients), listed.pagination.HasField("total"), listed.pagination.total) == (
        [],
        True,
        0,
    )
    request.actif_le = "2026-02-30"
    assert (await refusal(partenaires.List(request))).metadata == {"champ": "actif_le"}


async def test_R13_links_of_a_deleted_client_are_gone(
    clients: ClientBaseServiceStub, partenaires: ClientPartenaireServiceStub, dupont: pb.ClientBase
) -> None:
    """List leaves out the links of a deleted client."""
    await partenaires.Create(new(dupont))
    await clients.Delete(pb.DeleteClientBaseRequest(id=dupont.id))
    assert await periods(partenaires, partenaire_id="part-1") == []


@pytest.mark.parametrize("order", ["asc", "desc", ""])
async def test_C08_both_directions_walk_all_links_once(
    partenaires: ClientPartenaireServiceStub, dupont: pb.ClientBase, order: str
) -> None:
    """Pages meet each link once, also links of one day."""
    for partner in ("part-1", "part-2", "part-3"):
        for day in ("2026-01-01", "2026-01-05"):
            await partenaires.Create(new(dupont, day, day, partenaire_id=partner))
    request = pb.ListClientPartenairesRequest(pagination=Pagination(page_size=4, sort_order=order))
    walked = [link async for page in pages(partenaires.List, request) for link in page.clients]
    assert len({link.id for link in walked}) == 6
    days = [link.valid_from for link in walked]
    assert days == sorted(days, reverse=order != "asc")
