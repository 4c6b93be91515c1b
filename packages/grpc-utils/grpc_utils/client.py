"""Calls to other services: one channel per callee, proof of the caller, bounded waiting (C14).

`Peers.stub` gives the generated stub on a channel that adds the service token, the
organisation, the correlation id and a deadline to each call, repeats calls of methods that the
contract declares repeatable, and opens a circuit when the callee stays silent.
"""

import importlib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from db_utils import context
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from trace_utils import Tracer

from grpc_utils import deadline
from grpc_utils.breaker import Breaker, Unbroken
from grpc_utils.errors import OUT_OF_SERVICE, DependanceIndisponible, Refusal
from grpc_utils.headers import AUTHORIZATION, CORRELATION, ORGANISATION
from grpc_utils.identity import current_caller
from grpc_utils.internal import ServiceSigner
from grpc_utils.methods import repeatable_methods
from grpc_utils.pipeline import STATUS
from grpc_utils.traced_calls import ClientSpans

S = TypeVar("S")
T = TypeVar("T")

DEADLINE = 2.0  # seconds (C14)
HEALTH_DEADLINE = 1.0  # seconds
_NOWHERE = "ipv4:127.0.0.1:1"  # nothing listens on it: a callee without an address counts as one that is down
_SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
# A callee that cannot serve gives no reason or one of these. Any other reason is about a party behind it.
_OUT_OF_SERVICE = {"", *(kind.reason for kind in OUT_OF_SERVICE)}
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:")
# gRPC adds jitter to the pauses. UNAVAILABLE alone: other statuses would be the same again.
_RETRY = {
    "maxAttempts": 3,
    "initialBackoff": "0.1s",
    "maxBackoff": "0.3s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


async def answered_or_none(call: Awaitable[T]) -> T | None:
    """Await *call* and return its answer, None for NOT_FOUND; other errors are raised unchanged."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        if error.code() != grpc.StatusCode.NOT_FOUND:
            raise
        return None


def info_of(refusal: grpc.aio.AioRpcError) -> ErrorInfo:
    """The reason and the metadata of a *refusal* by a service of ours (C7), empty when it has none."""
    status, info = Status(), ErrorInfo()
    try:
        for key, value in refusal.trailing_metadata() or ():
            if key == STATUS and isinstance(value, bytes):
                status.ParseFromString(value)
        for detail in status.details:
            if detail.Unpack(info):
                break
    except DecodeError:
        return ErrorInfo()
    return info


def reason_of(refusal: grpc.aio.AioRpcError | Refusal) -> str:
    """The reason of a *refusal* that a call of `Peers` raises (C7), "" when the callee has given none."""
    return refusal.reason if isinstance(refusal, Refusal) else str(info_of(refusal).reason)


@dataclass(frozen=True, slots=True)
class Failure:
    """How a call has failed: its status and its *reason*, "" for none. As a text it is both."""

    code: grpc.StatusCode
    reason: str = ""

    def __str__(self) -> str:
        """As in "UNAVAILABLE CIRCUIT_OUVERT"."""
        return f"{self.code.name} {self.reason}".strip()


def failure_of(refusal: grpc.aio.AioRpcError | Refusal) -> Failure:
    """The failure of the call of `Peers` that has raised *refusal*."""
    code = refusal.code if isinstance(refusal, Refusal) else refusal.code()
    return Failure(code, reason_of(refusal))


class Peers:
    """Stubs of the other services, at *addresses*, called in the name of *signer*'s service.

    An address is host:port, all of whose IP addresses are called in turn, or a gRPC target with its
    scheme, as in "ipv4:10.0.0.1:50052,10.0.0.2:50052". Calls to a service without one raise
    DependanceIndisponible. *now* is the clock of the circuit breakers, in seconds. With a *tracer* each
    call is a span of it.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        signer: ServiceSigner | None,
        *,
        now: Callable[[], float] = time.monotonic,
        tracer: Tracer | None = None,
    ) -> None:
        self._addresses, self._signer, self._now = addresses, signer, now
        self._spans = ClientSpans(tracer) if tracer is not None else None
        self._channels: dict[tuple[str, bool], grpc.aio.Channel] = {}
        self._health: dict[str, grpc.aio.Channel] = {}

    @property
    def proven(self) -> bool:
        """Whether calls carry a token of the calling service."""
        return self._signer is not None

    def stub(self, kind: Callable[[grpc.aio.Channel], S], *, breaker: bool = True) -> S:
        """A stub of the generated class *kind* on the channel of its service.

        Its calls raise DependanceIndisponible or CircuitOuvert when the callee is silent,
        and `grpc.aio.AioRpcError` when it refuses. A call with `authorization` metadata of its own
        carries that instead of our service token. Without *breaker* every call is tried, for callers
        who wait between their calls and must notice at once that the callee is back.
        """
        callee = kind.__module__.split(".")[1]
        if (callee, breaker) not in self._channels:
            circuit = Breaker(callee, self._now) if breaker else Unbroken()
            outgoing = self._outgoing(callee, circuit)
            self._channels[callee, breaker] = self._open(callee, outgoing, _OutgoingStreams(outgoing))
        return kind(self._channels[callee, breaker])

    async def serving(self, callee: str) -> bool:
        """Ask *callee* whether it is SERVING (C17), whatever its circuit says; waits a second at most.

        The question takes the connection that calls take, so True means that calls arrive.
        """
        if callee not in self._health:
            self._health[callee] = self._open(callee)
        health: Any = health_pb2_grpc.HealthStub(self._health[callee])
        try:
            answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_DEADLINE)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Close all channels."""
        for channel in (*self._channels.values(), *self._health.values()):
            await channel.close()

    def _outgoing(self, callee: str, circuit: Breaker | Unbroken) -> "_Outgoing":
        if self._spans is None:
            return _Outgoing(callee, self._signer, circuit)
        return _Traced(callee, self._signer, circuit, self._spans)

    def _open(self, callee: str, *interceptors: grpc.aio.ClientInterceptor) -> grpc.aio.Channel:
        """A channel to *callee*.

        gRPC shares a connection between the channels of a process that have the same address and
        options, so the channels for health and for calls must not differ in them.
        """
        names = [{"service": name, "method": method} for name, method in _repeatable(callee)]
        config = {
            "loadBalancingConfig": [{"round_robin": {}}],
            "healthCheckConfig": {"serviceName": ""},  # a callee that is not SERVING is not called
            "methodConfig": [{"name": names, "retryPolicy": _RETRY}] if names else [],
        }
        return grpc.aio.insecure_channel(
            _target(self._addresses.get(callee, _NOWHERE)),
            options=(
                # By default gRPC waits up to 2 minutes before it connects again; a callee that is
                # back is to be found within seconds.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 3_000),
                ("grpc.service_config", json.dumps(config)),
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.keepalive_timeout_ms", 10_000),
            ),
            interceptors=interceptors,
        )


def _repeatable(callee: str) -> Iterator[tuple[str, str]]:
    """The methods of *callee* that its contract declares repeatable, each with its service."""
    messages = importlib.import_module(f"crm.{callee}.{callee}_pb2")
    for service in messages.DESCRIPTOR.services_by_name.values():
        for method in repeatable_methods(service.full_name):
            yield service.full_name, method


def _target(address: str) -> str:
    return address if address.startswith(_SCHEMES) else f"dns:///{address}"


class _Outgoing(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, callee: str, signer: ServiceSigner | None, breaker: Breaker | Unbroken) -> None:
        self._callee, self._signer, self._breaker = callee, signer, breaker

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        with self.guarded(details) as proven:
            return await (await continuation(proven, request))

    @contextmanager
    def guarded(self, details: grpc.aio.ClientCallDetails) -> Iterator[grpc.aio.ClientCallDetails]:
        """*details* with proof and deadline, for the call inside, whose end the breaker is told."""
        patience = DEADLINE if details.timeout is None else details.timeout
        timeout = deadline.shortened(patience)
        proven = grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=timeout,
            metadata=self._metadata(details.metadata),
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )
        self._breaker.enter()  # last before the call: from here on every way out tells the breaker
        try:
            yield proven
        except grpc.aio.AioRpcError as error:
            self._judge(error, in_a_hurry=timeout < patience)
            if error.code() not in _SILENT:
                raise
            self._breaker.tell(details.method, error)
            raise DependanceIndisponible(service=self._callee) from error
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()

    def _judge(self, error: grpc.aio.AioRpcError, *, in_a_hurry: bool) -> None:
        """Tell the breaker what *error* says of the callee; a call *in_a_hurry* had less time than usual."""
        if error.code() not in _SILENT or reason_of(error) not in _OUT_OF_SERVICE:
            self._breaker.succeeded()
        elif in_a_hurry and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            # The call within which this one was made ran out of time; the callee may be well.
            self._breaker.abandoned()
        else:
            self._breaker.failed()

    def _metadata(self, given: grpc.aio.Metadata | None) -> grpc.aio.Metadata:
        metadata = grpc.aio.Metadata(*(given or ()), (CORRELATION, context.correlation_id.get()))
        organisation = context.scope.get().organisation_id
        if organisation:
            metadata.add(ORGANISATION, organisation)
        if self._signer is not None and metadata.get(AUTHORIZATION) is None:
            metadata.add(AUTHORIZATION, f"Bearer {self._signer.token(self._callee, current_caller.get())}")
        return metadata


class _Traced(_Outgoing):
    """The same in a process that traces: each call is a span, which the callee's continues."""

    def __init__(
        self, callee: str, signer: ServiceSigner | None, breaker: Breaker | Unbroken, spans: ClientSpans
    ) -> None:
        super().__init__(callee, signer, breaker)
        self._spans = spans

    @contextmanager
    def guarded(self, details: grpc.aio.ClientCallDetails) -> Iterator[grpc.aio.ClientCallDetails]:
        """See `_Outgoing.guarded`; the span covers what the circuit and the deadline make of the call."""
        with self._spans.of(details) as carrying, super().guarded(carrying) as proven:
            yield proven


class _OutgoingStreams(grpc.aio.UnaryStreamClientInterceptor):
    """The part of *outgoing* for calls that are answered by streams.

    It stands alone because grpc.aio (1.85) asks an interceptor of several kinds for calls of the
    first kind only.
    """

    def __init__(self, outgoing: _Outgoing) -> None:
        self._outgoing = outgoing

    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> AsyncGenerator[Any, None]:
        with ExitStack() as stack:
            proven = stack.enter_context(self._outgoing.guarded(client_call_details))
            call = await continuation(proven, request)
            return _responses(call, stack.pop_all())


async def _responses(call: Any, guard: ExitStack) -> AsyncGenerator[Any, None]:
    with guard:
        async for response in call:
            yield response
