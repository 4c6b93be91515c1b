"""Account codes (R7): chosen by the caller, or counted in the organisation."""

import asyncio
from typing import Any

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from grpc import StatusCode
from service_clients.service import SERVICE
from service_testing import Mesh, fresh_database, refusal, running


def new(code: str = "") -> pb.CreateClientBaseRequest:
    """Request for a client with *code*."""
    return pb.CreateClientBaseRequest(nom="Test", compte_code=code)


async def test_R07_numbers_follow_each_other(clients: ClientBaseServiceStub) -> None:
    """Codes are counted from CLI000001 in the order of the calls."""
    codes = [(await clients.Create(new())).compte_code for _ in range(5)]
    assert codes == [f"CLI{number:06d}" for number in range(1, 6)]


async def test_R07_organisations_count_for_themselves(
    clients: ClientBaseServiceStub, foreign_clients: ClientBaseServiceStub
) -> None:
    """The first code of each organisation is CLI000001."""
    codes = [(await stub.Create(new())).compte_code for stub in (clients, foreign_clients)]
    assert codes == ["CLI000001", "CLI000001"]


async def test_R07_fifty_parallel_creations_get_fifty_codes(clients: ClientBaseServiceStub) -> None:
    """Creations at once all get different codes."""
    created = await asyncio.gather(*(clients.Create(new()) for _ in range(50)))
    assert len({client.compte_code for client in created}) == 50


async def test_R07_waiting_calls_share_a_block(clients: ClientBaseServiceStub) -> None:
    """Blocks of 1, 2, 4, … numbers are reserved for all waiting calls together."""
    created = await asyncio.gather(*(clients.Create(new()) for _ in range(50)))
    assert max(client.compte_code for client in created) <= "CLI000063"


async def test_R07_replicas_give_different_codes(mesh: Mesh, org: str) -> None:
    """Two processes on one database give out different codes."""
    shared: dict[str, Any] = {"database_url": fresh_database(SERVICE), "broker": mesh.broker}
    async with running(SERVICE, **shared) as one, running(SERVICE, **shared) as two:
        stubs = [each.stub(ClientBaseServiceStub, organisation=org) for each in (one, two)]
        created = await asyncio.gather(*(stub.Create(new()) for _ in range(20) for stub in stubs))
    assert len({client.compte_code for client in created}) == 40


async def test_R07_a_restart_leaves_a_gap_and_goes_on(mesh: Mesh, org: str) -> None:
    """The rest of an ended process's block is not given out, and codes keep rising."""
    shared: dict[str, Any] = {"database_url": fresh_database(SERVICE), "broker": mesh.broker}
    codes = []
    for _ in range(2):
        async with running(SERVICE, **shared) as process:
            clients = process.stub(ClientBaseServiceStub, organisation=org)
            codes += [(await clients.Create(new())).compte_code for _ in range(4)]
    assert codes == sorted(set(codes))


async def test_R07_a_given_code_is_kept_in_capitals(clients: ClientBaseServiceStub) -> None:
    """A chosen code is stored in capitals, so that codes do not differ by case."""
    client = await clients.Create(new("vip-7"))
    answer = await refusal(clients.Create(new("Vip-7")))
    assert client.compte_code == "VIP-7"
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        {"contrainte": "uq_client_code", "id": client.id},
    )


@pytest.mark.parametrize("code", ["a b", "é", "A_B", "A" * 51])
async def test_R07_a_given_code_has_a_form(clients: ClientBaseServiceStub, code: str) -> None:
    """A code with other characters or too many is FORMAT_INVALIDE with the field."""
    answer = await refusal(clients.Create(new(code)))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "FORMAT_INVALIDE",
        {"champ": "compte_code"},
    )


async def test_R07_numbers_given_by_hand_are_passed_over(
    mesh: Mesh, org: str, clients: ClientBaseServiceStub
) -> None:
    """Counting skips codes that callers chose, and each client is announced once."""
    by_hand = [await clients.Create(new(code)) for code in ("CLI000002", "cli000003", "CLI000005")]
    counted = [await clients.Create(new()) for _ in range(3)]
    assert [client.compte_code for client in counted] == ["CLI000001", "CLI000004", "CLI000006"]
    assert await announced(mesh, org, 6) == [client.id for client in by_hand + counted]


async def test_R07_numbers_given_by_hand_are_passed_over_by_idempotent_calls(
    mesh: Mesh, org: str, clients: ClientBaseServiceStub
) -> None:
    """Counting skips chosen codes also inside the one transaction of an idempotent call."""
    taken = await clients.Create(new("CLI000001"))
    key = (("idempotency-key", "une-fois"),)
    first, again = [await clients.Create(new(), metadata=key) for _ in range(2)]
    assert (first.compte_code, first) == ("CLI000002", again)
    last = await clients.Create(new())
    assert await announced(mesh, org, 3) == [taken.id, first.id, last.id]


async def announced(mesh: Mesh, org: str, at_least: int) -> list[str]:
    """Ids of the clients of *org* whose creation is on the bus, in order."""
    events = await mesh.published(
        ClientCreatedEvent, at_least, where=lambda event: event.organisation_id == org
    )
    return [event.client_id for event in events]


async def test_R07_an_update_may_take_a_free_code(clients: ClientBaseServiceStub) -> None:
    """Update may change the code unless another client has it."""
    one, two = [await clients.Create(new()) for _ in range(2)]
    changed = await clients.Update(pb.UpdateClientBaseRequest(id=one.id, compte_code="vip"))
    answer = await refusal(clients.Update(pb.UpdateClientBaseRequest(id=two.id, compte_code="VIP")))
    assert changed.compte_code == "VIP"
    assert (answer.code, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        {"contrainte": "uq_client_code", "id": one.id},
    )
