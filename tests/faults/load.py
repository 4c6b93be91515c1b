"""Load: callers who record entries under keys of their own and remember the answers."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
from crm.clients.clients_pb2 import CreateClientPartenaireRequest
from crm.clients.clients_pb2_grpc import ClientPartenaireServiceStub
from service_kit.environment import Secrets

from tests.faults.processes import QUICK

_ROUND_ROBIN = (("grpc.lb_policy_name", "round_robin"),)
_DOSSIERS = 5  # so that callers meet at one row
_PACE = 0.08  # seconds between two rounds of calls: keeps the entries few while the faults last
# Statuses after which a caller does not know whether the call was done. Any other one is a failure here.
UNKNOWN = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}
)


@dataclass
class Memory:
    """Knowledge of the callers: keys they used, keys that were answered OK, statuses other than OK.

    *poisonous* are the keys whose event fails its handler, *given_up* those never answered OK.
    """

    invoked: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    poisonous: set[str] = field(default_factory=set)
    codes: Counter[grpc.StatusCode] = field(default_factory=Counter)
    given_up: set[str] = field(default_factory=set)


class Load:
    """Calls services at *ports*, *callers* at a time, each up to *tries* times under its key.

    The event of every *poison_every*-th entry is poisonous.
    """

    def __init__(
        self,
        ports: Sequence[int],
        secrets: Secrets,
        *,
        callers: int = 8,
        tries: int = 3,
        poison_every: int = 25,
    ) -> None:
        self.memory = Memory()
        self._target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
        self._metadata = (("authorization", f"Bearer {secrets.token(lifetime=7200)}"),)
        self._callers, self._tries, self._poison_every = callers, tries, poison_every
        self._numbers = itertools.count(1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Memory]:
        """Call while inside; at the end, wait for the calls under way."""
        enough = asyncio.Event()
        async with grpc.aio.insecure_channel(self._target, options=(*QUICK, *_ROUND_ROBIN)) as channel:
            calling = asyncio.create_task(self._call_until(enough, ClientPartenaireServiceStub(channel)))
            try:
                yield self.memory
            finally:
                enough.set()
                await calling

    async def _call_until(self, enough: asyncio.Event, stub: ClientPartenaireServiceStub) -> None:
        while not enough.is_set():
            await asyncio.gather(*(self._record(stub, next(self._numbers)) for _ in range(self._callers)))
            await asyncio.sleep(_PACE)

    async def _record(self, stub: ClientPartenaireServiceStub, number: int) -> None:
        key = f"k{number:06d}"
        request = CreateClientPartenaireRequest(client_base_id=f"d{number % _DOSSIERS}", partenaire_id=key)
        self.memory.invoked.add(key)
        if number % self._poison_every == 0:
            request.role = "exception"
            self.memory.poisonous.add(key)
        for _ in range(self._tries):
            if await self._answered(stub, request, key):
                self.memory.acknowledged.add(key)
                return
        self.memory.given_up.add(key)

    async def _answered(
        self, stub: ClientPartenaireServiceStub, request: CreateClientPartenaireRequest, key: str
    ) -> bool:
        """Whether a call under the idempotency key *key* is answered OK."""
        metadata = (*self._metadata, ("idempotency-key", key))
        try:
            await stub.Create(request, metadata=metadata, timeout=5, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            self.memory.codes[error.code()] += 1
            return False
        return True
