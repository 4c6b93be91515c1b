"""The other end of a call between services: a real server that answers as the test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import StatutClientServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Scope, context
from grpc_utils import (
    Address,
    Authenticator,
    Context,
    Guards,
    Identity,
    KeyPair,
    Server,
    Tenancy,
    TokenVerifier,
    caller,
    service_issuers,
)

CALLER = "email"


@dataclass(frozen=True, slots=True)
class Call:
    """How a call arrived: from whom, within what, and how long its caller waits."""

    caller: Identity
    scope: Scope
    correlation_id: str
    remaining: float
    metadata: dict[str, str | bytes]


class Callee(StatutClientServiceServicer):
    """Notes its *calls* and the *requests* to create.

    While *may_answer* is cleared it waits, then it raises *failures* one by one.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.requests: list[pb.CreateStatutClientRequest] = []
        self.failures: list[Exception] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def Create(self, request: pb.CreateStatutClientRequest, context: Context) -> pb.StatutClient:
        """May not be sent twice."""
        self.requests.append(request)
        await self._note(context)
        return pb.StatutClient()

    async def Update(self, request: pb.UpdateStatutClientRequest, context: Context) -> pb.StatutClient:
        """May not be sent twice."""
        await self._note(context)
        return pb.StatutClient()

    async def List(
        self, request: pb.ListStatutClientsRequest, context: Context
    ) -> pb.ListStatutClientsResponse:
        """May be sent again."""
        await self._note(context)
        return pb.ListStatutClientsResponse()

    async def Delete(self, request: pb.DeleteStatutClientRequest, context: Context) -> DeleteResponse:
        """May not be sent twice."""
        await self._note(context)
        return DeleteResponse()

    async def _note(self, call: Context) -> None:
        metadata = dict(call.invocation_metadata() or ())
        correlation_id, scope = context.correlation_id.get(), context.scope.get()
        self.calls.append(Call(caller(), scope, correlation_id, call.time_remaining() or 0.0, metadata))
        await self.may_answer.wait()
        if self.failures:
            raise self.failures.pop(0)


@asynccontextmanager
async def serving(
    callee: object, keys: KeyPair, port: int = 0, *, name: str = "clients"
) -> AsyncIterator[int]:
    """The servicer *callee* as service *name*, which knows the email service by *keys*; its port."""
    verifier = TokenVerifier(service_issuers(f"{CALLER}:{keys.public}", name))
    guards = Guards(Authenticator(verifier), Tenancy(), None)
    server = Server(name, [callee], guards, alive=_alive, reflect=False)
    try:
        yield await server.start(Address("127.0.0.1", port))
    finally:
        await server.stop(0)


async def _alive() -> None: ...
