"""StatutClientService: statuses of the system and of an organisation (R9, R17)."""

import asyncio
from typing import Any

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub, StatutClientServiceStub
from crm.common.common_pb2 import Pagination
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import Mesh, pages, refusal

SYSTEM = {"PROSPECT": 10, "ACTIF": 20, "SUSPENDU": 30, "INACTIF": 40}


def new(code: str = "VIP", **fields: Any) -> pb.CreateStatutClientRequest:
    """Request for a status."""
    return pb.CreateStatutClientRequest(**({"code": code, "nom": "Très important"} | fields))


def update(statut: pb.StatutClient, **fields: Any) -> pb.UpdateStatutClientRequest:
    """Request that changes *fields* of *statut*."""
    return pb.UpdateStatutClientRequest(id=statut.id, **fields)


def deletion(statut: pb.StatutClient) -> pb.DeleteStatutClientRequest:
    """Request that deletes *statut*."""
    return pb.DeleteStatutClientRequest(id=statut.id)


async def codes(statuts: StatutClientServiceStub) -> list[str]:
    """Codes that a client may have, in the order of the list."""
    return [statut.code for statut in (await statuts.List(pb.ListStatutClientsRequest())).statuts]


@pytest.fixture
async def vip(statuts: StatutClientServiceStub) -> pb.StatutClient:
    """Status that the organisation has added."""
    return await statuts.Create(new(description="Rappeler sous 24 h", ordre_affichage=15))


@pytest.fixture
async def actif(statuts: StatutClientServiceStub) -> pb.StatutClient:
    """Status that the system supplies."""
    listed = (await statuts.List(pb.ListStatutClientsRequest())).statuts
    return next(statut for statut in listed if statut.code == "ACTIF")


async def test_R17_four_statuses_are_supplied(statuts: StatutClientServiceStub) -> None:
    """The system supplies four statuses in their order, without an organisation."""
    listed = (await statuts.List(pb.ListStatutClientsRequest())).statuts
    assert {statut.code: statut.ordre_affichage for statut in listed} == SYSTEM
    assert {statut.organisation_id for statut in listed} == {""}


async def test_a_status_of_the_organisation_has_its_place_in_the_list(
    mesh: Mesh, org: str, statuts: StatutClientServiceStub, vip: pb.StatutClient
) -> None:
    """An added status is listed by its order, for its organisation alone."""
    expected = pb.StatutClient(
        id=vip.id,
        organisation_id=org,
        code="VIP",
        nom="Très important",
        description="Rappeler sous 24 h",
        ordre_affichage=15,
        created_at=vip.created_at,
        updated_at=vip.created_at,
        version=1,
    )
    assert expected == vip
    assert await codes(statuts) == ["PROSPECT", "VIP", "ACTIF", "SUSPENDU", "INACTIF"]
    theirs = mesh.stub(StatutClientServiceStub, organisation=f"{org}-autre")
    assert await codes(theirs) == list(SYSTEM)
    assert (await theirs.Create(new())).code == "VIP"


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"code": " "}, "CHAMP_REQUIS", "code"),
        ({"nom": ""}, "CHAMP_REQUIS", "nom"),
        ({"code": "x" * 51}, "TROP_LONG", "code"),
        ({"nom": "x" * 101}, "TROP_LONG", "nom"),
        ({"description": "a\x00b"}, "FORMAT_INVALIDE", "description"),
    ],
)
async def test_creation_names_the_field_at_fault(
    statuts: StatutClientServiceStub, fields: dict[str, str], reason: str, champ: str
) -> None:
    """A refused creation is INVALID_ARGUMENT with reason and field, and stores nothing."""
    answer = await refusal(statuts.Create(new(**fields)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )
    assert await codes(statuts) == list(SYSTEM)


async def test_R17_the_codes_of_the_system_cannot_be_redefined(
    statuts: StatutClientServiceStub,
) -> None:
    """Adding a code of the system is ALREADY_EXISTS with the id of that status."""
    for supplied in (await statuts.List(pb.ListStatutClientsRequest())).statuts:
        answer = await refusal(statuts.Create(new(supplied.code)))
        assert (answer.code, answer.reason, answer.metadata) == (
            StatusCode.ALREADY_EXISTS,
            "EXISTE_DEJA",
            {"contrainte": "uq_statut_client_code", "id": supplied.id},
        )


async def test_a_code_occurs_once_in_an_organisation(
    statuts: StatutClientServiceStub, vip: pb.StatutClient
) -> None:
    """A code that exists is refused with its id; one of ten creations at once succeeds."""
    answer = await refusal(statuts.Create(new(nom="Autre")))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        {"contrainte": "uq_statut_client_code", "id": vip.id},
    )
    answers = await asyncio.gather(*(statuts.Create(new("OR")) for _ in range(10)), return_exceptions=True)
    refusals = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert refusals == [StatusCode.ALREADY_EXISTS] * 9


async def test_R17_a_status_of_the_system_stays_as_it_is(
    statuts: StatutClientServiceStub, actif: pb.StatutClient
) -> None:
    """Update and Delete of a supplied status are STATUT_SYSTEME."""
    for call in (statuts.Update(update(actif, nom="En cours")), statuts.Delete(deletion(actif))):
        answer = await refusal(call)
        assert (answer.code, answer.reason) == (StatusCode.FAILED_PRECONDITION, "STATUT_SYSTEME")
    assert await codes(statuts) == list(SYSTEM)


async def test_C09_update_changes_what_is_present(
    statuts: StatutClientServiceStub, vip: pb.StatutClient
) -> None:
    """An Update may clear the description and set the order to 0, and leaves the code."""
    changed = await statuts.Update(update(vip, description="", ordre_affichage=0))
    assert (changed.nom, changed.description, changed.ordre_affichage) == (vip.nom, "", 0)
    assert (changed.code, changed.version) == ("VIP", 2)
    same = await statuts.Update(update(vip, nom="Très important", ordre_affichage=0, version=2))
    assert same == changed


async def test_C09_a_status_keeps_a_name_and_its_version_counts(
    statuts: StatutClientServiceStub, vip: pb.StatutClient
) -> None:
    """An empty name is CHAMP_REQUIS, an old version ABORTED."""
    empty = await refusal(statuts.Update(update(vip, nom=" ")))
    old = await refusal(statuts.Update(update(vip, nom="Or", version=3)))
    assert (empty.reason, empty.metadata) == ("CHAMP_REQUIS", {"champ": "nom"})
    assert (old.code, old.reason) == (StatusCode.ABORTED, "VERSION_PERIMEE")


async def test_R17_a_status_in_use_cannot_be_deleted(
    clients: ClientBaseServiceStub, statuts: StatutClientServiceStub, vip: pb.StatutClient
) -> None:
    """Delete is ENCORE_UTILISE until the last living client with the status is gone."""
    client = await clients.Create(pb.CreateClientBaseRequest(nom="Test", statut="VIP"))
    answer = await refusal(statuts.Delete(deletion(vip)))
    assert (answer.code, answer.reason) == (StatusCode.FAILED_PRECONDITION, "ENCORE_UTILISE")
    await clients.Delete(pb.DeleteClientBaseRequest(id=client.id))
    assert [(await statuts.Delete(deletion(vip))).success for _ in range(2)] == [True, False]
    assert (await refusal(statuts.Update(update(vip, nom="Or")))).code == StatusCode.NOT_FOUND


async def test_R17_clients_of_others_do_not_use_a_status(
    mesh: Mesh, org: str, statuts: StatutClientServiceStub, vip: pb.StatutClient
) -> None:
    """Clients of another organisation with the same code do not keep a status in use."""
    channel = mesh.channel("clients", mesh.secrets.token(organisation=f"{org}-autre"))
    await StatutClientServiceStub(channel).Create(new())
    await ClientBaseServiceStub(channel).Create(pb.CreateClientBaseRequest(nom="Test", statut="VIP"))
    service = mesh.service_stub(StatutClientServiceStub, caller="clients", organisation=org)
    assert (await service.Delete(deletion(vip))).success


@pytest.mark.parametrize("attempt", range(5))
async def test_R09_a_status_is_not_deleted_while_clients_get_it(
    clients: ClientBaseServiceStub,
    statuts: StatutClientServiceStub,
    vip: pb.StatutClient,
    dupont: pb.ClientBase,
    attempt: int,
) -> None:
    """Calls at once never leave a client with a status that was deleted."""
    answers = await asyncio.gather(
        clients.Create(pb.CreateClientBaseRequest(nom="Test", statut="VIP")),
        clients.Update(pb.UpdateClientBaseRequest(id=dupont.id, statut="VIP")),
        statuts.Delete(deletion(vip)),
        clients.Create(pb.CreateClientBaseRequest(nom="Test", statut="VIP")),
        return_exceptions=True,
    )
    failures = {answer.code() for answer in answers if isinstance(answer, AioRpcError)}
    users = (await clients.List(pb.ListClientBasesRequest(statut="VIP"))).clients
    assert failures == {StatusCode.FAILED_PRECONDITION}
    assert ("VIP" in await codes(statuts)) == bool(users)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_C08_both_directions_walk_all_statuses_once(
    statuts: StatutClientServiceStub, vip: pb.StatutClient, order: str
) -> None:
    """Pages meet supplied and added statuses once each, with the total on each page."""
    await statuts.Create(new("OR", ordre_affichage=20))
    request = pb.ListStatutClientsRequest(
        pagination=Pagination(page_size=1, sort_order=order, with_total=True)
    )
    walked = [page async for page in pages(statuts.List, request)]
    orders = [statut.ordre_affichage for page in walked for statut in page.statuts]
    assert orders == sorted([10, 15, 20, 20, 30, 40], reverse=order == "desc")
    assert {page.pagination.total for page in walked} == {6}
