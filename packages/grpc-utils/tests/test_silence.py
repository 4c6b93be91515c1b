"""Peers when the callee is silent: which calls are repeated, and when the circuit opens (C14)."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import StatutClientServiceStub
from grpc_utils import Peers, ServiceSigner, deadline, new_key_pair
from grpc_utils.breaker import FAILURES
from grpc_utils.errors import CircuitOuvert, DependanceIndisponible, Introuvable, Unavailable
from grpc_utils.methods import repeatable_methods
from service_kit.embedded import free_port
from service_testing import eventually
from service_testing.callee import CALLER, Callee, serving
from service_testing.echo import SERVICE
from service_testing.seconds import Seconds

REQUEST = pb.ListStatutClientsRequest()

Calling = tuple[Callee, StatutClientServiceStub, Seconds]


@pytest.fixture
async def calling() -> AsyncIterator[Calling]:
    """A callee, the email service's stub of it, and the clock of its circuit."""
    keys, callee, seconds = new_key_pair(), Callee(), Seconds()
    async with serving(callee, keys) as port:
        peers = Peers({"clients": f"127.0.0.1:{port}"}, ServiceSigner(CALLER, keys.private), now=seconds)
        yield callee, peers.stub(StatutClientServiceStub), seconds
        await peers.close()


async def test_C14_a_repeatable_call_is_sent_again(calling: Calling) -> None:
    """After two UNAVAILABLE answers the caller gets the third one."""
    callee, stub, _ = calling
    callee.failures = [Unavailable(), Unavailable()]
    await stub.List(REQUEST)
    assert len(callee.calls) == 3


async def test_C14_a_repeatable_call_is_sent_three_times_at_most(calling: Calling) -> None:
    """After the third attempt DEPENDANCE_INDISPONIBLE names the silent service."""
    callee, stub, _ = calling
    callee.failures = [Unavailable() for _ in range(9)]
    with pytest.raises(DependanceIndisponible) as told:
        await stub.List(REQUEST)
    assert (len(callee.calls), told.value.metadata) == (3, {"service": "clients"})


async def test_C14_a_call_that_is_not_repeatable_is_sent_once(calling: Calling) -> None:
    """A Create is not sent again, because the callee may have done it before it fell silent."""
    callee, stub, _ = calling
    callee.failures = [Unavailable(), Unavailable()]
    with pytest.raises(DependanceIndisponible):
        await stub.Create(pb.CreateStatutClientRequest())
    assert len(callee.calls) == 1


def test_C14_the_contract_says_which_methods_are_repeatable() -> None:
    """Methods marked NO_SIDE_EFFECTS or IDEMPOTENT are repeatable, no others."""
    assert repeatable_methods("clients.StatutClientService") == ["List"]
    assert repeatable_methods(SERVICE) == ["Read", "Repeat"]


async def test_C14_five_silent_calls_open_the_circuit(calling: Calling) -> None:
    """For thirty seconds calls fail without reaching the callee; then they are answered again."""
    callee, stub, seconds = calling
    callee.failures = [Unavailable() for _ in range(5)]
    for _ in range(5):
        with pytest.raises(DependanceIndisponible):
            await stub.Create(pb.CreateStatutClientRequest())
    with pytest.raises(CircuitOuvert):
        await stub.List(REQUEST)
    assert len(callee.calls) == 5
    seconds.passed = 30.0
    await stub.List(REQUEST)
    await stub.List(REQUEST)
    assert len(callee.calls) == 7


async def test_C14_the_log_says_why_a_call_got_no_answer(
    calling: Calling, caplog: pytest.LogCaptureFixture
) -> None:
    """Which method, and what gRPC says of it; once the circuit is open there is no call."""
    callee, stub, _ = calling
    callee.failures = [Unavailable() for _ in range(FAILURES)]
    for _ in range(FAILURES):
        with pytest.raises(DependanceIndisponible):
            await stub.Create(pb.CreateStatutClientRequest())
    with pytest.raises(CircuitOuvert):
        await stub.Create(pb.CreateStatutClientRequest())
    line = f"no answer to /clients.StatutClientService/Create: UNAVAILABLE, {Unavailable().message}"
    assert caplog.messages == [line] * FAILURES


async def test_C14_a_refusal_is_an_answer(calling: Calling) -> None:
    """A refusal is raised unchanged, and six of them open no circuit."""
    callee, stub, _ = calling
    callee.failures = [Introuvable() for _ in range(6)]
    for _ in range(6):
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await stub.List(REQUEST)
        assert told.value.code() == grpc.StatusCode.NOT_FOUND
    await stub.List(REQUEST)


class AnnuaireIndisponible(Unavailable):
    """L'annuaire est momentanément indisponible."""


async def test_C14_a_callee_that_reports_an_absent_party_has_answered(calling: Calling) -> None:
    """UNAVAILABLE with a reason about a party behind the callee leaves the circuit closed."""
    callee, stub, _ = calling
    callee.failures = [AnnuaireIndisponible() for _ in range(6)]
    for _ in range(6):
        with pytest.raises(DependanceIndisponible):
            await stub.Create(pb.CreateStatutClientRequest())
    await stub.List(REQUEST)


async def test_a_hurried_caller_does_not_open_the_circuit_for_everybody(calling: Calling) -> None:
    """Six calls that had only 10 ms of their own caller's time left do not count as failures."""
    callee, stub, _ = calling
    callee.may_answer.clear()

    async def in_a_hurry() -> None:
        deadline.start(0.01)
        with pytest.raises(DependanceIndisponible):
            await stub.List(REQUEST)

    for _ in range(6):
        await asyncio.create_task(in_a_hurry())
    callee.may_answer.set()
    await stub.List(REQUEST)


async def test_a_callee_that_answers_too_late_opens_the_circuit(calling: Calling) -> None:
    """Five calls that had all the time they asked for and got no answer open the circuit."""
    callee, stub, _ = calling
    callee.may_answer.clear()
    for _ in range(5):
        with pytest.raises(DependanceIndisponible):
            await stub.List(REQUEST, timeout=0.05)
    with pytest.raises(CircuitOuvert):
        await stub.List(REQUEST)


async def list_now(stub: StatutClientServiceStub) -> None:
    """Call List, so that it can be a task of its own."""
    await stub.List(REQUEST)


async def test_callers_who_leave_do_not_open_the_circuit(calling: Calling) -> None:
    """Six cancelled calls do not count as failures of the callee."""
    callee, stub, _ = calling
    callee.may_answer.clear()
    calls = [asyncio.ensure_future(list_now(stub)) for _ in range(6)]
    await eventually(lambda: len(callee.calls) == 6)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    callee.may_answer.set()
    await stub.List(REQUEST)


async def test_a_callee_that_comes_back_is_found(calling: Calling) -> None:
    """A stub made before the callee was up reaches it within seconds of its start."""
    keys, port = new_key_pair(), free_port()
    peers = Peers({"clients": f"127.0.0.1:{port}"}, ServiceSigner("email", keys.private))
    stub = peers.stub(StatutClientServiceStub)
    with pytest.raises(DependanceIndisponible):
        await stub.List(REQUEST)
    async with serving(Callee(), keys, port):

        async def answers() -> bool:
            try:
                await stub.List(REQUEST)
            except DependanceIndisponible:
                return False
            return True

        await eventually(answers)
    await peers.close()
