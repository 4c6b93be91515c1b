"""Peers: metadata of a call from service to service, and how long it waits (C14)."""

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
from grpc_utils.identity import current_caller
from service_kit.embedded import free_port
from service_testing import eventually
from service_testing.callee import CALLER, Callee, serving

REQUEST = pb.ListStatutClientsRequest()

Calling = tuple[Callee, StatutClientServiceStub]


@pytest.fixture
async def calling() -> AsyncIterator[Calling]:
    """A callee, and the email service's stub of it."""
    keys, callee = new_key_pair(), Callee()
    async with serving(callee, keys) as port:
        peers = Peers({"clients": f"127.0.0.1:{port}"}, ServiceSigner(CALLER, keys.private))
        yield callee, peers.stub(StatutClientServiceStub)
        await peers.close()


async def within(call: Callable[[], Any], *, user: Identity | None = None, scope: Scope | None = None) -> Any:
    """Run *call* like the handler of a call by *user* within *scope*."""

    async def handle() -> Any:
        if user is not None:
            current_caller.set(user)
        if scope is not None:
            context.scope.set(scope)
        return await call()

    return await asyncio.create_task(handle())


async def test_C14_a_call_proves_which_service_makes_it(calling: Calling) -> None:
    """The callee sees a token signed by the caller's own key with itself as audience."""
    callee, stub = calling
    await stub.List(REQUEST)
    identity = callee.calls[0].caller
    assert (identity.kind, identity.subject, identity.user_id) == ("service", "service:email", "")
    assert identity.claims["aud"] == "service:clients"


async def test_C14_a_call_within_a_call_is_made_for_its_user(calling: Calling) -> None:
    """The inner call carries the user, the organisation and the correlation id of the outer one."""
    callee, stub = calling
    token = context.correlation_id.set("trace-1")
    await within(lambda: stub.List(REQUEST), user=Identity("user", "user-1"), scope=Scope("org-1"))
    context.correlation_id.reset(token)
    call = callee.calls[0]
    assert call.caller.user_id == "user-1"
    assert (call.scope, call.correlation_id) == (Scope("org-1"), "trace-1")


async def test_a_user_is_passed_on_over_several_services(calling: Calling) -> None:
    """A service that is called on behalf of a user names that user in its own calls."""
    callee, stub = calling
    between = Identity("service", "service:factures", on_behalf_of="user-1")
    await within(lambda: stub.List(REQUEST), user=between)
    assert callee.calls[0].caller.user_id == "user-1"


async def test_tokens_are_made_anew_for_each_user(calling: Calling) -> None:
    """A second call for the same user carries the same token, one for another user another."""
    callee, stub = calling
    for name in ("user-1", "user-2", "user-1"):
        await within(lambda: stub.List(REQUEST), user=Identity("user", name))
    first, second, third = (call.metadata["authorization"] for call in callee.calls)
    assert (first == third, first == second) == (True, False)


async def test_metadata_of_the_caller_are_kept(calling: Calling) -> None:
    """Metadata given to a call, such as an idempotency key, reach the callee."""
    callee, stub = calling
    await stub.Create(pb.CreateStatutClientRequest(), metadata=[("idempotency-key", "key-1")])
    assert callee.calls[0].metadata["idempotency-key"] == "key-1"


async def test_C14_a_call_waits_two_seconds_unless_told_otherwise(calling: Calling) -> None:
    """The callee sees a deadline of 2 s, or the timeout that the caller gave."""
    callee, stub = calling
    await stub.List(REQUEST)
    await stub.List(REQUEST, timeout=30)
    default, asked = (call.remaining for call in callee.calls)
    assert 1 < default < 3 < 25 < asked < 31


async def test_C14_a_call_gets_no_more_time_than_is_left(calling: Calling) -> None:
    """A call within one that must end in 1 s has at most that time, although it asks for 30 s."""
    callee, stub = calling

    async def in_a_hurry() -> None:
        deadline.start(1.0)
        await stub.List(REQUEST, timeout=30)

    await within(in_a_hurry)
    assert 0 < callee.calls[0].remaining < 2.0


async def test_calls_of_a_service_without_a_key_are_refused() -> None:
    """Without a signer a call carries no token, and the callee answers UNAUTHENTICATED."""
    callee = Callee()
    async with serving(callee, new_key_pair()) as port:
        peers = Peers({"clients": f"127.0.0.1:{port}"}, None)
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await peers.stub(StatutClientServiceStub).List(REQUEST)
        await peers.close()
    assert (told.value.code(), callee.calls) == (grpc.StatusCode.UNAUTHENTICATED, [])


async def test_C14_a_service_without_address_is_unavailable() -> None:
    """A call to it raises DependanceIndisponible, as if it were down: a mesh may run without it."""
    peers = Peers({}, None)
    with pytest.raises(DependanceIndisponible):
        await peers.stub(StatutClientServiceStub).Create(pb.CreateStatutClientRequest())
    await peers.close()


async def test_a_given_token_is_sent_instead_of_the_service_token(calling: Calling) -> None:
    """The gateway calls with the token of its user; a bad one is refused, though the service has a key."""
    callee, stub = calling
    metadata = grpc.aio.Metadata(("authorization", "Bearer a.b.c"))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.List(REQUEST, metadata=metadata)
    assert (refused.value.code(), callee.calls) == (grpc.StatusCode.UNAUTHENTICATED, [])


async def test_C17_a_callee_that_serves_can_be_called() -> None:
    """`serving` is True once the callee is up, also after failures, and calls then succeed at once."""
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
    """`serving` is False for a service that has no address."""
    peers = Peers({}, None)
    assert not await peers.serving("clients")
    await peers.close()


async def test_C07_a_caller_reads_why_it_was_refused(calling: Calling) -> None:
    """`reason_of` gives the reason, which tells refusals of one status apart."""
    callee, stub = calling
    callee.failures = [TransitionInterdite()]
    with pytest.raises(grpc.aio.AioRpcError) as told:
        await stub.List(REQUEST)
    assert (told.value.code(), reason_of(told.value)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "TRANSITION_INTERDITE",
    )


async def test_a_refusal_without_details_gives_no_reason() -> None:
    """`reason_of` is empty for a status that a proxy made."""
    bare = grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata())
    assert reason_of(bare) == ""


async def test_C14_calls_without_a_breaker_are_tried_while_the_circuit_is_open() -> None:
    """Such a call reaches a callee that is back; a call with a breaker is still refused at once."""
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
