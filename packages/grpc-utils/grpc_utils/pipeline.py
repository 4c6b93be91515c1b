"""The one interceptor: every call passes here, in this order.

telemetry → errors → authentication → greeting → request → tenancy → idempotency → handler

The chain of a method is built once, when it is first called. It takes the request from
the wire itself, so that nobody without a proof can make the server wait for one or decode
one, and it is the only place that ends a call with a status.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

import grpc
from db_utils import DatabaseError, SerializationConflict, Undecipherable
from db_utils import scope as current_scope
from google.protobuf.message import Message

from grpc_utils import deadline
from grpc_utils.auth import Authenticator, Metadata
from grpc_utils.errors import AppelInterneSeulement, Refusal, RequeteIllisible, Unimplemented, refusal_of
from grpc_utils.idempotency import HEADER, Attempt, Idempotency
from grpc_utils.identity import Identity, set_caller
from grpc_utils.keyed import content_hash
from grpc_utils.methods import ORGANISATION_FIELD, Method, method_at
from grpc_utils.requests import parse
from grpc_utils.telemetry import CORRELATION, Calls
from grpc_utils.tenancy import Tenancy

_log = logging.getLogger(__name__)

ORGANISATION = "x-organisation-id"
STATUS = "grpc-status-details-bin"
_ATTEMPTS = 4  # the first run and three more after a deadlock (C12)

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    Context = grpc.aio.ServicerContext
    Handler = grpc.RpcMethodHandler

Unary = Callable[[Any, Context], Awaitable[Message]]
Stream = Callable[[Any, Context], AsyncIterator[Message]]
Greeting = Callable[[Identity], Awaitable[None]]


class ErreurInterne(Refusal):
    """Une erreur interne est survenue."""

    code = grpc.StatusCode.INTERNAL


class Dechiffrement(Refusal):
    """Une valeur chiffrée n'a pas pu être lue."""

    code = grpc.StatusCode.INTERNAL


@dataclass(frozen=True, slots=True)
class Guards:
    """The parts of the chain that settings decide.

    *greetings* are awaited with each proven caller, before anything of the request is read; a
    Refusal that one of them raises ends the call.
    """

    authenticator: Authenticator
    tenancy: Tenancy
    idempotency: Idempotency | None
    greetings: tuple[Greeting, ...] = ()


class Pipeline(grpc.aio.ServerInterceptor):
    """Protects every method of a server of *service*; those in *exempt* pass untouched."""

    def __init__(self, service: str, guards: Guards, exempt: frozenset[str]) -> None:
        self.calls = Calls(service)
        self._guards = guards
        self._exempt = exempt
        self._handlers: dict[str, Handler] = {}
        unknown = _UnknownMethod(self.calls, guards, f"crm.{service}")
        self.unknown: Handler = grpc.stream_unary_rpc_method_handler(unknown.answer)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The protected handler of the called method."""
        path = handler_call_details.method
        handler = self._handlers.get(path)
        if handler is None:
            inner: Handler | None = await continuation(handler_call_details)
            if inner is None or inner is self.unknown:
                return self.unknown
            handler = inner if path in self._exempt else self._protected(path, inner)
            self._handlers[path] = handler
        return handler

    def _protected(self, path: str, inner: Any) -> Handler:
        """The chain of *inner*, which grpc calls at once: the body is the chain's to read."""
        method = method_at(path)
        if inner.response_streaming:
            stream = _StreamMethod(self.calls, self._guards, method, inner.unary_stream)
            return grpc.stream_stream_rpc_method_handler(stream.answer)
        unary = _UnaryMethod(self.calls, self._guards, method, inner.unary_unary)
        return grpc.stream_unary_rpc_method_handler(unary.answer)


class _Chain:
    """What the chains of all methods share: letting a call in, and ending it with a status."""

    def __init__(self, calls: Calls, guards: Guards, path: str, domain: str) -> None:
        self._calls, self._path, self._domain = calls, path, domain
        self._identify = guards.authenticator.identify
        self._tenancy, self._greetings = guards.tenancy, guards.greetings

    def _admit(self, method: Method, identity: Identity, metadata: Metadata, body: Any) -> Message:
        """The request of a proven caller, within the scope that the caller may see."""
        set_caller(identity)
        if method.internal and identity.kind == "user":
            raise AppelInterneSeulement
        if body is grpc.aio.EOF:
            raise RequeteIllisible
        request = parse(method.request, body)
        requested = method.organisation_of(request)
        scope = self._tenancy.scope(identity, requested, _value(metadata, ORGANISATION) or "")
        if method.names_organisation and scope.organisation_id != requested:
            setattr(request, ORGANISATION_FIELD, scope.organisation_id or "")
        current_scope.set(scope)
        return request

    async def _abort(self, refusal: Refusal, context: Context, correlation: str) -> NoReturn:
        """End the call with the status of *refusal*."""
        details = refusal.details(self._domain)
        trailers = ((CORRELATION, correlation), (STATUS, details))
        await context.abort(refusal.code, refusal.message, trailers)


class _UnaryMethod(_Chain):
    def __init__(self, calls: Calls, guards: Guards, method: Method, handler: Unary) -> None:
        super().__init__(calls, guards, method.path, method.domain)
        self._method, self._handler = method, handler
        self._idempotency = guards.idempotency if method.mutating else None

    async def answer(self, _: object, context: Context) -> bytes:
        """Answer one call."""
        started = time.perf_counter()
        metadata = _metadata(context)
        correlation = self._calls.correlate(metadata)
        code, caller = grpc.StatusCode.OK, ""
        try:
            identity = await self._identify(metadata)
            caller = identity.subject
            for greet in self._greetings:
                await greet(identity)
            body = await context.read()
            request = self._admit(self._method, identity, metadata, body)
            deadline.start(context.time_remaining())
            context.set_trailing_metadata(((CORRELATION, correlation),))
            key = _value(metadata, HEADER) if self._idempotency is not None else None
            attempt = None if key is None else Attempt(self._path, caller, key, content_hash(request))
            return await self._run(request, context, attempt)
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except grpc.aio.AbortError:  # the handler's own; it should have raised a refusal
            code = context.code()
            raise
        except Exception as error:
            refusal = _refusal(error, correlation)
            code = refusal.code
            await self._abort(refusal, context, correlation)
        finally:
            self._calls.ended(self._path, started, code, correlation, caller)

    async def _run(self, request: Message, context: Context, attempt: Attempt | None) -> bytes:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._run_once(request, context, attempt)
            except SerializationConflict:
                continue
        return await self._run_once(request, context, attempt)

    async def _run_once(self, request: Message, context: Context, attempt: Attempt | None) -> bytes:
        if attempt is None or self._idempotency is None:
            return (await self._handler(request, context)).SerializeToString()
        return await self._idempotency.once(attempt, partial(self._run_once, request, context, None))


class _StreamMethod(_Chain):
    def __init__(self, calls: Calls, guards: Guards, method: Method, handler: Stream) -> None:
        super().__init__(calls, guards, method.path, method.domain)
        self._method, self._handler = method, handler

    async def answer(self, _: object, context: Context) -> AsyncIterator[bytes]:
        """Answer one call with a stream."""
        started = time.perf_counter()
        metadata = _metadata(context)
        correlation = self._calls.correlate(metadata)
        code, caller = grpc.StatusCode.OK, ""
        try:
            identity = await self._identify(metadata)
            caller = identity.subject
            for greet in self._greetings:
                await greet(identity)
            request = self._admit(self._method, identity, metadata, await context.read())
            deadline.start(context.time_remaining())
            context.set_trailing_metadata(((CORRELATION, correlation),))
            async for response in self._handler(request, context):
                yield response.SerializeToString()
        except (asyncio.CancelledError, GeneratorExit):
            code = grpc.StatusCode.CANCELLED
            raise
        except grpc.aio.AbortError:  # the handler's own; it should have raised a refusal
            code = context.code()
            raise
        except Exception as error:
            refusal = _refusal(error, correlation)
            code = refusal.code
            await self._abort(refusal, context, correlation)
        finally:
            self._calls.ended(self._path, started, code, correlation, caller)


class _UnknownMethod(_Chain):
    """Tells only a proven caller that a method does not exist."""

    def __init__(self, calls: Calls, guards: Guards, domain: str) -> None:
        super().__init__(calls, guards, "unknown", domain)

    async def answer(self, _: object, context: Context) -> bytes:
        started = time.perf_counter()
        metadata = _metadata(context)
        correlation = self._calls.correlate(metadata)
        code, caller = grpc.StatusCode.UNIMPLEMENTED, ""
        try:
            caller = (await self._identify(metadata)).subject
            raise Unimplemented
        except Exception as error:
            refusal = _refusal(error, correlation)
            code = refusal.code
            await self._abort(refusal, context, correlation)
        finally:
            self._calls.ended(self._path, started, code, correlation, caller)


def _refusal(error: BaseException, correlation: str) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, DatabaseError) and (known := refusal_of(error)) is not None:
        return known
    _log.error("a call failed unexpectedly", exc_info=error)
    kind = Dechiffrement if isinstance(error, Undecipherable) else ErreurInterne
    return kind(correlation_id=correlation)


def _metadata(context: Context) -> Metadata:
    return cast(Metadata, context.invocation_metadata() or ())


def _value(metadata: Metadata, name: str) -> str | None:
    for key, value in metadata:
        if key == name and isinstance(value, str):
            return value
    return None
