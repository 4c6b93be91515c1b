"""A gRPC server all of whose methods go through the pipeline, with health and reflection.

It decides for all services the limits on messages, metadata and calls under way (C19), that a port
belongs to one server, and an order of stopping that callers do not notice.
"""

import asyncio
import importlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_reflection.v1alpha import reflection, reflection_pb2

from grpc_utils import health
from grpc_utils.auth import EXEMPT
from grpc_utils.health import NOT_SERVING, SERVING, Health
from grpc_utils.listener import listener
from grpc_utils.pipeline import Guards, Pipeline

_log = logging.getLogger(__name__)

_REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"
_REFLECTION = frozenset(
    f"/{service}/ServerReflectionInfo" for service in (reflection.SERVICE_NAME, _REFLECTION_V1)
)
NO_PARTS: Final[Mapping[str, Callable[[], bool]]] = MappingProxyType({})
LIVE = "live"  # name in health of the process alone (C17)

_MEBIBYTE = 1024 * 1024
LARGEST_MESSAGE = 4 * _MEBIBYTE  # C19
_OPTIONS = (
    ("grpc.so_reuseport", 0),  # two services on one port must not both start
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),  # above max_metadata_size gRPC refuses some at random
    ("grpc.max_concurrent_streams", 1000),
    # What a caller may send ahead of a handler. By default gRPC measures the line and lets it grow:
    # uploads from nearby took up to 17 MiB each while the handler wrote to the disk (measured).
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 256 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_connection_age_ms", 30 * 60_000),  # clients connect again, and so find new replicas
    ("grpc.max_connection_age_grace_ms", 30_000),
)
_MOST_CALLS = 2000  # under way in one process; more are RESOURCE_EXHAUSTED
_HEALTH_INTERVAL, _HEALTH_PATIENCE = 1.0, 2.0  # seconds
_NOTICE = 0.2  # seconds from NOT_SERVING to the stop, for watchers to leave: the stop drops new calls


class UnsupportedHandler(TypeError):
    """A handler that the pipeline cannot protect: not async, missing, or a stream in both directions."""


class PortTaken(OSError):
    """An address on which another process listens; the message says what to do."""


def contract_of(servicer: object) -> ServiceDescriptor:
    """The service of a `.proto` file that *servicer* implements. Raises UnsupportedHandler."""
    base = _generated_base(type(servicer))
    messages = importlib.import_module(base.__module__.removesuffix("_grpc"))
    service: ServiceDescriptor = messages.DESCRIPTOR.services_by_name[base.__name__.removesuffix("Servicer")]
    return service


def _generated_base(kind: type) -> type:
    for base in kind.__mro__:
        if base.__module__.endswith("_pb2_grpc"):
            return base
    raise UnsupportedHandler(f"{kind.__name__} does not derive from a generated Servicer")


def check_handlers(servicer: object) -> None:
    """Refuse a *servicer* with a handler that the pipeline cannot protect. Raises UnsupportedHandler.

    Synchronous handlers are among them: they run in threads, where the caller is not known.
    """
    base = _generated_base(type(servicer))
    for method in contract_of(servicer).methods:
        handler = getattr(type(servicer), method.name)
        if handler is getattr(base, method.name):
            raise UnsupportedHandler(f"{method.full_name} has no handler")
        if method.client_streaming and method.server_streaming:
            raise UnsupportedHandler(f"{method.full_name}: streams in both directions are not supported")
        wanted = inspect.isasyncgenfunction if method.server_streaming else inspect.iscoroutinefunction
        if not wanted(handler):
            raise UnsupportedHandler(f"{method.full_name}: write `async def`")


def _reflect(names: Sequence[str], server: grpc.aio.Server) -> None:
    """Publish the contracts of *names* by both versions of the protocol, v1 and v1alpha.

    The two differ in their name only. Clients ask for v1 first, the library has v1alpha alone.
    """
    handler = grpc.stream_stream_rpc_method_handler(
        reflection.aio.ReflectionServicer(names).ServerReflectionInfo,
        reflection_pb2.ServerReflectionRequest.FromString,
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for service in (reflection.SERVICE_NAME, _REFLECTION_V1):
        server.add_registered_method_handlers(service, {"ServerReflectionInfo": handler})


@dataclass(frozen=True, slots=True)
class Address:
    """An address to listen on; port 0 takes a free one."""

    host: str
    port: int


def _options(largest_message: int) -> tuple[tuple[str, int], ...]:
    limits = ("grpc.max_receive_message_length", "grpc.max_send_message_length")
    return (*_OPTIONS, *((name, largest_message) for name in limits))


class Server:
    """Serves the *servicers* of service *name* under *guards*.

    *alive* is awaited once a second; while it raises, or takes more than two seconds, health is
    NOT_SERVING. *parts* are asked then too: each is a name of its own in health and never changes
    the overall answer (C17). *reflect* answers reflection without a token. A message has at most
    *largest_message* bytes, in both directions.
    """

    def __init__(
        self,
        name: str,
        servicers: Sequence[object],
        guards: Guards,
        *,
        alive: Callable[[], Awaitable[None]],
        reflect: bool,
        parts: Mapping[str, Callable[[], bool]] = NO_PARTS,
        largest_message: int = LARGEST_MESSAGE,
    ) -> None:
        exempt = EXEMPT | _REFLECTION if reflect else EXEMPT
        self._pipeline = Pipeline(name, guards, exempt)
        self._server = listener(
            self._pipeline, self._pipeline.unknown, _options(largest_message), _MOST_CALLS
        )
        self._alive, self._parts = alive, parts
        self._health = Health()
        self._names = ["", *(self._add(servicer) for servicer in servicers)]
        self._status = NOT_SERVING
        self._watch: asyncio.Task[None] | None = None
        self._health.add_to(self._server)
        if reflect:
            _reflect([*self._names[1:], health.SERVICE, reflection.SERVICE_NAME], self._server)

    def _add(self, servicer: object) -> str:
        check_handlers(servicer)
        base = _generated_base(type(servicer))
        add = getattr(importlib.import_module(base.__module__), f"add_{base.__name__}_to_server")
        add(servicer, self._server)
        return str(contract_of(servicer).full_name)

    async def start(self, address: Address) -> int:
        """Listen at *address*, serve, and return the port. Raises PortTaken."""
        try:
            port = self._server.add_insecure_port(f"{address.host}:{address.port}")
        except RuntimeError:
            raise PortTaken(
                f"port {address.port} on {address.host} is taken: stop what listens there, or set GRPC_PORT"
            ) from None
        for name, status in {LIVE: SERVING, **dict.fromkeys(self._names, NOT_SERVING)}.items():
            self._health.set(name, status)
        await self._server.start()
        await self._check()
        self._watch = asyncio.create_task(self._keep_checking())
        return int(port)

    async def stop(self, grace: float) -> None:
        """Say NOT_SERVING, take no new calls, and give calls under way *grace* seconds to end."""
        if self._watch is not None:
            self._watch.cancel()  # first: it would say SERVING again
        self._tell(NOT_SERVING)
        if self._health.watched:
            await asyncio.sleep(_NOTICE)
        self._health.end()
        await self._server.stop(grace)
        self._pipeline.calls.flush()

    @property
    def serving(self) -> bool:
        """Whether health says SERVING."""
        return self._status == SERVING

    async def _keep_checking(self) -> None:
        while True:
            await asyncio.sleep(_HEALTH_INTERVAL)
            await self._check()

    async def _check(self) -> None:
        asked = asyncio.ensure_future(self._alive())
        try:
            await asyncio.wait((asked,), timeout=_HEALTH_PATIENCE)
            failure = asked.exception() if asked.done() else TimeoutError()
            if failure is not None and self.serving:
                _log.warning("not serving: %s", type(failure).__name__)
            self._tell(NOT_SERVING if failure is not None else SERVING)
            self._tell_parts()
        finally:
            # A cancelled question may need a while to give its connection back; the next one waits.
            asked.cancel()
            await asyncio.wait((asked,))

    def _tell_parts(self) -> None:
        for name, in_order in self._parts.items():
            self._health.set(name, SERVING if in_order() else NOT_SERVING)

    def _tell(self, status: int) -> None:
        if status == self._status:
            return
        self._status = status
        for name in self._names:
            self._health.set(name, status)
