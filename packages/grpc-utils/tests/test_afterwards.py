"""Calls at best effort: made after the answer, logged when they fail (C14)."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import StatutClientServiceStub
from db_utils import Scope, context
from grpc_utils import Afterwards, Identity, Peers, ServiceSigner, deadline, new_key_pair
from grpc_utils.errors import TransitionInterdite
from grpc_utils.identity import current_caller
from service_kit.embedded import free_port
from service_testing import eventually
from service_testing.callee import CALLER, Callee, serving

REQUEST = pb.CreateStatutClientRequest(code="VIP")

Calling = tuple[Callee, StatutClientServiceStub]


@pytest.fixture
async def calling() -> AsyncIterator[Calling]:
    """A callee, and the email service's stub of it."""
    keys, callee = new_key_pair(), Callee()
    async with serving(callee, keys) as port:
        peers = Peers({"clients": f"127.0.0.1:{port}"}, ServiceSigner(CALLER, keys.private))
        yield callee, peers.stub(StatutClientServiceStub)
        await peers.close()


async def test_C14_a_call_afterwards_goes_on_for_its_cause(calling: Calling) -> None:
    """It is made for the user and organisation of a call that has ended and whose time is over."""
    callee, stub = calling
    afterwards = Afterwards()

    async def handle() -> None:
        current_caller.set(Identity("user", "user-1"))
        context.scope.set(Scope("org-1"))
        deadline.start(0.0)
        afterwards.start("the call", lambda: stub.Create(REQUEST))

    await asyncio.create_task(handle())
    await eventually(lambda: bool(callee.calls))
    (call,) = callee.calls
    assert (call.caller.user_id, call.scope) == ("user-1", Scope("org-1"))
    assert 1 < call.remaining < 3


async def test_C14_nobody_waits_for_a_call_afterwards(calling: Calling) -> None:
    """It has not been answered yet when `start` has returned."""
    callee, stub = calling
    callee.may_answer.clear()
    Afterwards().start("the call", lambda: stub.Create(REQUEST))
    assert callee.requests == []
    await eventually(lambda: callee.requests == [REQUEST])
    callee.may_answer.set()


async def test_C14_a_refusal_afterwards_is_logged(calling: Calling, caplog: pytest.LogCaptureFixture) -> None:
    """With its status and reason; the call is not made again."""
    callee, stub = calling
    callee.failures.append(TransitionInterdite())
    afterwards = Afterwards()
    with caplog.at_level(logging.WARNING, "grpc_utils.afterwards"):
        afterwards.start("the call", lambda: stub.Create(REQUEST))
        await eventually(lambda: bool(caplog.messages))
    assert caplog.messages == ["the call failed: FAILED_PRECONDITION TRANSITION_INTERDITE"]
    assert len(callee.requests) == 1


async def test_C14_a_silent_callee_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Like any other failure."""
    peers = Peers({"clients": f"127.0.0.1:{free_port()}"}, None)
    stub = peers.stub(StatutClientServiceStub)
    afterwards = Afterwards()
    with caplog.at_level(logging.WARNING, "grpc_utils.afterwards"):
        afterwards.start("the call", lambda: stub.Create(REQUEST))
        await eventually(lambda: "the call failed: UNAVAILABLE DEPENDANCE_INDISPONIBLE" in caplog.messages)
    await peers.close()
