"""Peers: what a call from service to service carries, and how long it waits (C14)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import StatutClientServiceStub
from db_utils import Scope, context
from grpc_utils import Identity, Peers, ServiceSigner, deadline, new_key_pair, reason_of
from grpc_utils.breaker import FAILURES
from grpc_utils.errors import CircuitOuvert, DependanceIndisponible, TransitionInterdite
from grpc_utils.identity import set_caller
from service_kit.embedded import free_port
from service_testing import eventually
from service_testing.callee import CALLER, Callee, serving

REQUEST = pb.ListStatutClientsRequest()

Calling = tuple[Callee, StatutClientServiceStub]


@pytest.fixture
async def calling() -> AsyncIterator[Calling]:
    """A callee, and a stub of it as the email service has one."""
    keys, callee = new_key_pair(), Callee()
    async with serving(callee, keys) as port:
        peers = Peers({"clients": f"127.0.0.1:{port}"}, ServiceSigner(CALLER, keys.private))
        yield callee, peers.stub(StatutClientServiceStub)
        await peers.close()


async def within(call: Callable[[], Any], *, user: Identity | None = None, scope: Scope | None = None) -> Any:
    """Run *call* as the handler of a call of *user* within *scope* would."""

    async def handle() -> Any:
        if user is not None:
            set_caller(user)
        if scope is not None:
            context.scope.set(scope)
        return await call()

    return await asyncio.create_task(handle())


async def test_C14_a_call_proves_which_service_makes_it(calling: Calling) -> None:
    """By a token for this callee, made by the caller's own key."""
    callee, stub = calling
    await stub.List(REQUEST)
    identity = callee.calls[0].caller
    assert (identity.kind, identity.subject, identity.user_id) == ("service", "service:email", "")
    assert identity.claims["aud"] == "service:clients"


async def test_C14_a_call_within_a_call_is_made_for_its_user(calling: Calling) -> None:
    """And for that user's organisation, under the same correlation id."""
    callee, stub = calling
    token = context.correlation_id.set("trace-1")
    await within(lambda: stub.List(REQUEST), user=Identity("user", "user-1"), scope=Scope("org-1"))
    context.correlation_id.reset(token)
    call = callee.calls[0]
    assert call.caller.user_id == "user-1"
    assert (call.scope, call.correlation_id) == (Scope("org-1"), "trace-1")


async def test_a_user_is_passed_on_over_services(calling: Calling) -> None:
    """A service that acts for somebody passes on whom it acts for."""
    callee, stub = calling
    between = Identity("service", "service:factures", on_behalf_of="user-1")
    await within(lambda: stub.List(REQUEST), user=between)
    assert callee.calls[0].caller.user_id == "user-1"


async def test_tokens_are_made_anew_for_each_user(calling: Calling) -> None:
    """And used again for the same one."""
    callee, stub = calling
    for name in ("user-1", "user-2", "user-1"):
        await within(lambda: stub.List(REQUEST), user=Identity("user", name))
    first, second, third = (call.metadata["authorization"] for call in callee.calls)
    assert (first == third, first == second) == (True, False)


async def test_metadata_of_the_caller_are_kept(calling: Calling) -> None:
    """An idempotency key, for one."""
    callee, stub = calling
    await stub.Create(pb.CreateStatutClientRequest(), metadata=[("idempotency-key", "key-1")])
    assert callee.calls[0].metadata["idempotency-key"] == "key-1"


async def test_C14_a_call_waits_two_seconds_unless_told_otherwise(calling: Calling) -> None:
    """The callee knows how long."""
    callee, stub = calling
    await stub.List(REQUEST)
    await stub.List(REQUEST, timeout=30)
    default, asked = (call.remaining for call in callee.calls)
    assert 1 < default < 3 < 25 < asked < 31


async def test_C14_a_call_gets_no_more_time_than_is_left(calling: Calling) -> None:
    """Nobody works for a caller who will not wait for it."""
    callee, stub = calling

    async def in_a_hurry() -> None:
        deadline.start(1.0)
        await stub.List(REQUEST, timeout=30)

    await within(in_a_hurry)
    assert 0 < callee.calls[0].remaining < 2.0


async def test_a_service_without_a_key_proves_nothing() -> None:
    """Its calls are refused like anybody's."""
    callee = Callee()
    async with serving(callee, new_key_pair()) as port:
        peers = Peers({"clients": f"127.0.0.1:{port}"}, None)
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await peers.stub(StatutClientServiceStub).List(REQUEST)
        await peers.close()
    assert (told.value.code(), callee.calls) == (grpc.StatusCode.UNAUTHENTICATED, [])


async def test_C14_a_service_without_address_is_unavailable() -> None:
    """As one that is down: a mesh may run without it."""
    peers = Peers({}, None)
    with pytest.raises(DependanceIndisponible):
        await peers.stub(StatutClientServiceStub).Create(pb.CreateStatutClientRequest())
    await peers.close()


async def test_a_token_that_is_given_is_sent_instead_of_our_own_proof(calling: Calling) -> None:
    """For calls that are made as the user who asks, such as those of the gateway."""
    callee, stub = calling
    metadata = grpc.aio.Metadata(("authorization", "Bearer a.b.c"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.List(REQUEST, metadata=metadata)
    assert (refused.value.code(), callee.calls) == (grpc.StatusCode.UNAUTHENTICATED, [])


async def test_C17_a_callee_that_serves_can_be_called() -> None:
    """Also after failures: the question goes the way that calls take, and opens it."""
    keys, port = new_key_pair(), free_port()
    addresses, signer = {"clients": f"127.0.0.1:{port}"}, ServiceSigner(CALLER, keys.private)
    asking, calling = Peers(addresses, signer), Peers(addresses, signer)
    stub = calling.stub(StatutClientServiceStub)
    for _ in range(2):
        with pytest.raises(DependanceIndisponible):
            await stub.List(REQUEST)
        assert not await asking.serving("clients")
    async with serving(Callee(), keys, port):
        await eventually(lambda: asking.serving("clients"))
        assert await stub.Create(pb.CreateStatutClientRequest()) == pb.StatutClient()
    assert not await asking.serving("clients")
    await asking.close()
    await calling.close()


async def test_C17_a_callee_without_an_address_does_not_serve() -> None:
    """Nobody knows where to ask."""
    peers = Peers({}, None)
    assert not await peers.serving("clients")
    await peers.close()


async def test_C07_a_caller_reads_why_it_was_refused(calling: Calling) -> None:
    """The machine reason, by which programs tell refusals of one code apart."""
    callee, stub = calling
    callee.failures = [TransitionInterdite()]
    with pytest.raises(grpc.aio.AioRpcError) as told:
        await stub.List(REQUEST)
    assert (told.value.code(), reason_of(told.value)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "TRANSITION_INTERDITE",
    )


async def test_a_refusal_without_details_gives_no_reason() -> None:
    """As by a proxy in between."""
    bare = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata())
    assert reason_of(bare) == ""


async def test_C14_who_paces_himself_goes_through_an_open_circuit() -> None:
    """Calls without a breaker are tried each time, and so find a callee that is back at once."""
    keys, port = new_key_pair(), free_port()
    peers = Peers({"clients": f"127.0.0.1:{port}"}, ServiceSigner(CALLER, keys.private))
    hasty, patient = (peers.stub(StatutClientServiceStub, breaker=breaker) for breaker in (True, False))
    for _ in range(FAILURES):
        for stub in (hasty, patient):
            with pytest.raises(DependanceIndisponible):
                await stub.Create(pb.CreateStatutClientRequest())
    async with serving(Callee(), keys, port):
        await patient.Create(pb.CreateStatutClientRequest(), wait_for_ready=True, timeout=10)
        with pytest.raises(CircuitOuvert):
            await hasty.Create(pb.CreateStatutClientRequest())
    await peers.close()
