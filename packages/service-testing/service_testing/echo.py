"""A contract with a method of every kind, whose handlers the test writes.

async with echoing(Write=answer) as echo:
    await echo.call("Write", "a text", caller=echo.user(organisation="org-1"))
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import grpc
from crm.common import common_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, MethodOptions
from google.protobuf.descriptor_pool import Default
from google.protobuf.message_factory import GetMessageClass
from grpc_utils import (
    Authenticator,
    Context,
    FixedKey,
    Greeting,
    Guards,
    Idempotency,
    Issuer,
    Pipeline,
    Revocations,
    ServiceSigner,
    Tenancy,
    TokenVerifier,
    listener,
    service_issuers,
)
from service_kit.environment import ISSUER, Secrets, new_secrets

SERVICE, CALLER = "echo.EchoService", "email"

Metadata = Sequence[tuple[str, str]]
Handler = Callable[[Any, Context], Any]


class Options(TypedDict, total=False):
    """What a call may say besides its text: who calls, more metadata, an organisation."""

    caller: Metadata
    metadata: Metadata
    organisation_id: str


def _contract() -> FileDescriptorProto:
    """Read, Repeat (idempotent), Write, Internal, Stream, Collect: all take and answer an Echo, or some."""
    file = FileDescriptorProto(name="echo.proto", package="echo", syntax="proto3")
    file.dependency.append(common_pb2.DESCRIPTOR.name)
    message = file.message_type.add(name="Echo")
    for number, name in enumerate(("organisation_id", "text"), 1):
        message.field.add(
            name=name,
            number=number,
            type=FieldDescriptorProto.TYPE_STRING,
            label=FieldDescriptorProto.LABEL_OPTIONAL,
        )
    service = file.service.add(name="EchoService")
    for name in ("Read", "Repeat", "Write", "Internal", "Stream", "Collect"):
        service.method.add(name=name, input_type=".echo.Echo", output_type=".echo.Echo")
    methods = {method.name: method for method in service.method}
    methods["Read"].options.idempotency_level = MethodOptions.NO_SIDE_EFFECTS
    methods["Repeat"].options.idempotency_level = MethodOptions.IDEMPOTENT
    methods["Internal"].options.Extensions[common_pb2.internal] = True
    methods["Stream"].server_streaming = True
    methods["Collect"].client_streaming = True
    return file


if TYPE_CHECKING:
    Echo: Any
else:
    Default().AddSerializedFile(_contract().SerializeToString())
    Echo = GetMessageClass(Default().FindMessageTypeByName("echo.Echo"))


class EchoServer:
    """A server with the handlers of the test at *address*, called as a user unless told otherwise."""

    def __init__(self, address: str, secrets: Secrets, revocations: Revocations) -> None:
        self.address, self.secrets, self.revocations = address, secrets, revocations
        self._channel = grpc.aio.insecure_channel(address, options=(("grpc.use_local_subchannel_pool", 1),))

    def user(self, **claims: Any) -> Metadata:
        """Metadata of a user, see `Secrets.token`."""
        return [("authorization", f"Bearer {self.secrets.token(**claims)}")]

    def service(self) -> Metadata:
        """Metadata of the service "email"."""
        token = ServiceSigner(CALLER, self.secrets.keys[CALLER].private).token("echo", None)
        return [("authorization", f"Bearer {token}")]

    def call(
        self, method: str, text: str = "", *, timeout: float | None = None, **options: Unpack[Options]
    ) -> Any:
        """A call of *method*, to be awaited for its Echo, cancelled, or asked for its trailers."""
        kind: Any = self._channel.unary_unary(f"/{SERVICE}/{method}", Echo.SerializeToString, Echo.FromString)
        return kind(self._request(text, options), metadata=self._metadata(options), timeout=timeout)

    def stream(self, text: str = "", **options: Unpack[Options]) -> Any:
        """A call of Stream, to be iterated over for its Echos."""
        kind: Any = self._channel.unary_stream(f"/{SERVICE}/Stream", Echo.SerializeToString, Echo.FromString)
        return kind(self._request(text, options), metadata=self._metadata(options))

    def collect(self, *texts: str, **options: Unpack[Options]) -> Any:
        """A call of Collect; without *texts* the test writes the messages, see `message`."""
        kind: Any = self._channel.stream_unary(f"/{SERVICE}/Collect", Echo.SerializeToString, Echo.FromString)
        requests = [self.message(text, **options) for text in texts] or None
        return kind(requests, metadata=self._metadata(options))

    def message(self, text: str, **options: Unpack[Options]) -> Any:
        """A message of a stream."""
        return self._request(text, options)

    def _request(self, text: str, options: Options) -> Any:
        return Echo(text=text, organisation_id=options.get("organisation_id", ""))

    def _metadata(self, options: Options) -> Metadata:
        return [*options.get("caller", self.user()), *options.get("metadata", ())]

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


@asynccontextmanager
async def echoing(
    *,
    authenticated: bool = True,
    tenancy: Tenancy | None = None,
    idempotency: Idempotency | None = None,
    greetings: tuple[Greeting, ...] = (),
    patience: float = 30.0,
    **handlers: Handler,
) -> AsyncIterator[EchoServer]:
    """A server behind the pipeline that answers the methods named by *handlers*."""
    secrets = new_secrets((CALLER, "echo"))
    issuers = [
        Issuer(ISSUER, "HS256", FixedKey(secrets.jwt_secret.encode())),
        *service_issuers(f"{CALLER}:{secrets.keys[CALLER].public}", "echo"),
    ]
    authenticator = Authenticator(TokenVerifier(issuers) if authenticated else None)
    guards = Guards(authenticator, tenancy or Tenancy(), idempotency, greetings, patience)
    pipeline = Pipeline("echo", guards, frozenset())
    server = listener(pipeline, pipeline.unknown, (), 1000)
    server.add_registered_method_handlers(
        SERVICE, {name: _handler(name, run) for name, run in handlers.items()}
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    echo = EchoServer(f"127.0.0.1:{port}", secrets, authenticator.revocations)
    try:
        yield echo
    finally:
        await echo.close()
        await server.stop(None)
        pipeline.calls.flush()


def _handler(name: str, run: Handler) -> Any:
    return _KINDS.get(name, grpc.unary_unary_rpc_method_handler)(run)


_KINDS = {
    "Stream": grpc.unary_stream_rpc_method_handler,
    "Collect": grpc.stream_unary_rpc_method_handler,
}
