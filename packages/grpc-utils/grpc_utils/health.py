"""Health by grpc.health.v1 (C17), answered without a token: readiness and liveness.

Because its callers prove nothing, they may hold little of the server: a request must arrive
within two seconds, each method has at most 200 calls under way, and a watcher who is slow to
read delays neither a change of state nor another watcher.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2 as pb

SERVICE = "grpc.health.v1.Health"
SERVING: int = pb.HealthCheckResponse.SERVING
NOT_SERVING: int = pb.HealthCheckResponse.NOT_SERVING
_UNKNOWN: int = pb.HealthCheckResponse.SERVICE_UNKNOWN
_PATIENCE = 2.0  # seconds
_MOST_CALLS = 200  # of one method under way

if TYPE_CHECKING:
    _Context = grpc.aio.ServicerContext[Any, Any]
else:
    _Context = grpc.aio.ServicerContext

_Answer = Callable[[_Context], Awaitable[None]]


class Health:
    """The state of each service of this server by name, "" for the server itself."""

    def __init__(self) -> None:
        self._states: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._ended = False
        # Clients of gRPC take UNIMPLEMENTED as healthy: a watcher beyond the limit may still make calls.
        self._watch = _Limited(self._say_changes, grpc.StatusCode.UNIMPLEMENTED)

    @property
    def watched(self) -> bool:
        """Whether a client watches the state; such a client goes elsewhere when told NOT_SERVING."""
        return self._watch.under_way > 0

    def set(self, name: str, state: int) -> None:
        """Set the state of *name* to *state*; watchers are told when it has changed."""
        if self._states.get(name) == state:
            return
        self._states[name] = state
        self._changed.set()  # wakes those who wait now; a new event waits for the next change
        self._changed = asyncio.Event()

    def end(self) -> None:
        """End every Watch call, each after its watcher was told the last state."""
        self._ended = True
        self._changed.set()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register Check and Watch with *server*.

        They are streams, so that the wait for a request is ours to bound.
        """
        check = _Limited(self._say_now, grpc.StatusCode.RESOURCE_EXHAUSTED)
        methods = {"Check": check, "Watch": self._watch}
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            name: grpc.stream_stream_rpc_method_handler(method.serve) for name, method in methods.items()
        }
        server.add_registered_method_handlers(SERVICE, handlers)

    async def _say_now(self, context: _Context) -> None:
        name = await _asked(context)
        if name not in self._states:
            await context.abort(grpc.StatusCode.NOT_FOUND, "Ce service n'existe pas.")
        await _say(context, self._states[name])

    async def _say_changes(self, context: _Context) -> None:
        name, said = await _asked(context), None
        # The event is taken before the state is told: a change during the write wakes at once.
        while not self._ended or said != self._states.get(name, _UNKNOWN):
            changed, state = self._changed, self._states.get(name, _UNKNOWN)
            if state != said:
                await _say(context, state)
                said = state
            await changed.wait()


class _Limited:
    """A method that refuses calls with *code* while 200 of them are under way."""

    def __init__(self, answer: _Answer, code: grpc.StatusCode) -> None:
        self._answer, self._code, self.under_way = answer, code, 0

    async def serve(self, _: object, context: _Context) -> None:
        if self.under_way >= _MOST_CALLS:
            await context.abort(self._code, "Trop d'appels en cours.")
        self.under_way += 1
        context.add_done_callback(self._ended)  # type: ignore[arg-type]  # any callable will do
        await self._answer(context)

    def _ended(self, _: object) -> None:
        self.under_way -= 1


async def _asked(context: _Context) -> str:
    """The name of the service that the caller asks about; ends the call if none comes that can be read."""
    try:
        async with asyncio.timeout(_PATIENCE):
            body = await context.read()
        return pb.HealthCheckRequest.FromString(body).service
    except TimeoutError:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "La demande n'est pas arrivée.")
    except (DecodeError, TypeError):  # TypeError: the end of the calls instead of a message
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "La demande est illisible.")


async def _say(context: _Context, state: int) -> None:
    await context.write(pb.HealthCheckResponse(status=state).SerializeToString())
