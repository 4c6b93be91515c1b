"""Calls to other services: one channel per callee, proof of who calls, bounded patience.

`Peers.stub` gives the generated stub on a channel that adds the service token, the
organisation, the correlation id and a deadline to each call, retries what the contract
declares repeatable, and opens a circuit when the callee stays silent.
"""

import importlib
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, TypeVar

import grpc
from db_utils import context
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc

from grpc_utils import deadline
from grpc_utils.breaker import Breaker, Unbroken
from grpc_utils.errors import OUT_OF_SERVICE, DependanceIndisponible
from grpc_utils.headers import AUTHORIZATION, CORRELATION, ORGANISATION
from grpc_utils.identity import maybe_caller
from grpc_utils.internal import ServiceSigner
from grpc_utils.methods import repeatable_methods
from grpc_utils.pipeline import STATUS

S = TypeVar("S")
T = TypeVar("T")

DEADLINE = 2.0  # seconds (C14)
HEALTH_DEADLINE = 1.0  # seconds
_NOWHERE = "ipv4:127.0.0.1:1"  # nobody listens there: a callee without address is one that is down
_SILENT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
# A callee that cannot serve says nothing, or one of these; any other reason is about somebody else.
_OUT_OF_SERVICE = {"", *(kind.reason for kind in OUT_OF_SERVICE)}
_SCHEMES = ("dns:", "ipv4:", "ipv6:", "unix:")
_RETRY = {
    "maxAttempts": 3,
    "initialBackoff": "0.1s",
    "maxBackoff": "0.3s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


async def answered_or_none(call: Awaitable[T]) -> T | None:
    """The answer to *call*, None when the callee says NOT_FOUND. Everything else it raises stays."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        if error.code() != grpc.StatusCode.NOT_FOUND:
            raise
        return None


def info_of(refusal: grpc.aio.AioRpcError) -> ErrorInfo:
    """The reason and the metadata with which a callee of ours refused (C7), empty when it gives none."""
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


def reason_of(refusal: grpc.aio.AioRpcError) -> str:
    """The machine reason with which a callee of ours refused (C7), "" when it gives none."""
    return str(info_of(refusal).reason)


class Peers:
    """The other services, by *addresses*, called as the *signer*'s service.

    An address is host:port, all of whose IP addresses are called in turn, or a target with its
    scheme, as in "ipv4:10.0.0.1:50052,10.0.0.2:50052". Services without one are unavailable.
    *now* tells the seconds that have passed, for the circuit breakers.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        signer: ServiceSigner | None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._addresses, self._signer, self._now = addresses, signer, now
        self._channels: dict[tuple[str, bool], grpc.aio.Channel] = {}
        self._health: dict[str, grpc.aio.Channel] = {}

    @property
    def proven(self) -> bool:
        """Whether calls carry a proof of who calls."""
        return self._signer is not None

    def stub(self, kind: Callable[[grpc.aio.Channel], S], *, breaker: bool = True) -> S:
        """The generated stub class *kind* on the channel of its service.

        Its calls raise DependanceIndisponible or CircuitOuvert when the callee is silent,
        and `grpc.aio.AioRpcError` when it refuses. A call that is given `authorization`
        metadata is made with that instead of our own proof. Without *breaker* every call is tried:
        for callers who pace themselves and must notice at once that the callee is back.
        """
        callee = kind.__module__.split(".")[1]
        if (callee, breaker) not in self._channels:
            circuit = Breaker(callee, self._now) if breaker else Unbroken()
            self._channels[callee, breaker] = self._open(callee, _Outgoing(callee, self._signer, circuit))
        return kind(self._channels[callee, breaker])

    async def serving(self, callee: str) -> bool:
        """Whether *callee* says now that it is SERVING (C17), whatever its circuit breaker thinks.

        It is asked over the connection that calls would take: True means that they get there.
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

    def _open(self, callee: str, *interceptors: grpc.aio.ClientInterceptor) -> grpc.aio.Channel:
        """A channel to *callee*; those of one process share their connections, having the same options."""
        names = [{"service": name, "method": method} for name, method in _repeatable(callee)]
        config = {
            "loadBalancingConfig": [{"round_robin": {}}],
            "healthCheckConfig": {"serviceName": ""},  # a callee that is not SERVING is not called
            "methodConfig": [{"name": names, "retryPolicy": _RETRY}] if names else [],
        }
        return grpc.aio.insecure_channel(
            _target(self._addresses.get(callee, _NOWHERE)),
            options=(
                # A callee that is back after a long while is found within seconds, not minutes.
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

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Any],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        details = client_call_details
        patience = DEADLINE if details.timeout is None else details.timeout
        timeout = deadline.shortened(patience)
        proven = grpc.aio.ClientCallDetails(
            method=details.method,
            timeout=timeout,
            metadata=self._metadata(details.metadata),
            credentials=details.credentials,
            wait_for_ready=details.wait_for_ready,
        )
        self._breaker.enter()
        try:
            call = await continuation(proven, request)
            response = await call
        except grpc.aio.AioRpcError as error:
            self._judge(error, in_a_hurry=timeout < patience)
            if error.code() not in _SILENT:
                raise
            raise DependanceIndisponible(service=self._callee) from error
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return response

    def _judge(self, error: grpc.aio.AioRpcError, *, in_a_hurry: bool) -> None:
        """Tell the breaker what *error* says of the callee."""
        if error.code() not in _SILENT or reason_of(error) not in _OUT_OF_SERVICE:
            self._breaker.succeeded()
        elif in_a_hurry and error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            self._breaker.abandoned()
        else:
            self._breaker.failed()

    def _metadata(self, given: grpc.aio.Metadata | None) -> grpc.aio.Metadata:
        metadata = grpc.aio.Metadata(*(given or ()), (CORRELATION, context.correlation_id.get()))
        organisation = context.scope.get().organisation_id
        if organisation:
            metadata.add(ORGANISATION, organisation)
        if self._signer is not None and metadata.get(AUTHORIZATION) is None:
            metadata.add(AUTHORIZATION, f"Bearer {self._signer.token(self._callee, maybe_caller())}")
        return metadata
