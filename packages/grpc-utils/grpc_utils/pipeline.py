"""The one interceptor: every call passes its parts in this order.

telemetry → errors → authentication → greeting → request → tenancy → idempotency → handler

The chain of a method is built once, when it is first called. It reads the request itself, after
authentication, so that a caller without a proof can make the server neither wait for a request
nor decode one (C5). No other place ends a call with a status.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from db_utils import DatabaseError, Undecipherable, retried
from db_utils import scope as current_scope
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from grpc_utils import deadline
from grpc_utils.auth import Authenticator
from grpc_utils.database_refusals import refusal_of
from grpc_utils.errors import AppelInterneSeulement, Refusal, RequeteIllisible, Unimplemented
from grpc_utils.headers import CORRELATION, headers_of
from grpc_utils.idempotency import Attempt, Idempotency
from grpc_utils.identity import Identity, caller, current_caller
from grpc_utils.incoming import Incoming
from grpc_utils.keyed import content_hash
from grpc_utils.methods import ORGANISATION_FIELD, Method, method_at
from grpc_utils.requests import parse
from grpc_utils.telemetry import Calls
from grpc_utils.tenancy import Tenancy
from grpc_utils.traced_calls import Ended, ServerSpans

_log = logging.getLogger(__name__)

STATUS = "grpc-status-details-bin"

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    Context = grpc.aio.ServicerContext
    Handler = grpc.RpcMethodHandler

Unary = Callable[[Any, Context], Awaitable[Message]]
Stream = Callable[[Any, Context], AsyncGenerator[Message, None]]
Collect = Callable[[AsyncIterator[Any], Context], Awaitable[Message]]
Respond = Callable[[Any, Context, str | None], Awaitable[bytes | None]]
Greeting = Callable[[Identity], Awaitable[None]]


class ErreurInterne(Refusal):
    """Une erreur interne est survenue."""

    code = grpc.StatusCode.INTERNAL


class Dechiffrement(Refusal):
    """Une valeur chiffrée n'a pas pu être lue."""

    code = grpc.StatusCode.INTERNAL


@dataclass(frozen=True, slots=True)
class Guards:
    """Parts of the chain that settings decide.

    *greetings* are awaited with each proven caller before anything of the request is read; a
    Refusal raised by one of them ends the call. Without *idempotency*, keys in metadata are ignored.
    """

    authenticator: Authenticator
    tenancy: Tenancy
    idempotency: Idempotency | None
    greetings: tuple[Greeting, ...] = ()


class Pipeline(grpc.aio.ServerInterceptor):
    """Protects every method of a server of *service*; methods whose path is in *exempt* pass untouched."""

    def __init__(self, service: str, guards: Guards, exempt: frozenset[str]) -> None:
        self.calls = Calls(service)
        self._guards = guards
        self._exempt = exempt
        self._handlers: dict[str, Handler] = {}
        # Strangers do not learn which methods exist (C7): a greeting refuses, after authentication.
        method = Method("unknown", f"crm.{service}", Empty, Empty)
        self._spans = ServerSpans.of(service)
        unknown = self._chain(replace(guards, greetings=(_refuse_unknown,)), method, _unreachable)
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
        """The chain around *inner*.

        It is registered as one for a stream of requests: for a single one, grpc.aio would wait and
        decode before it calls the chain.
        """
        method = method_at(path)
        if inner.response_streaming:
            stream = self._chain(self._guards, method, _Streaming(inner.unary_stream).respond)
            return grpc.stream_stream_rpc_method_handler(stream.answer)
        idempotency = self._guards.idempotency if method.mutating else None
        if inner.request_streaming:
            respond = _Collecting(inner.stream_unary, method, idempotency).respond
        else:
            respond = _Unary(inner.unary_unary, path, idempotency).respond
        return grpc.stream_unary_rpc_method_handler(self._chain(self._guards, method, respond).answer)

    def _chain(self, guards: Guards, method: Method, respond: Respond) -> _Chain:
        if self._spans is None:
            return _Chain(self.calls, guards, method, respond)
        return _TracedChain(self.calls, guards, method, respond, self._spans)


async def _refuse_unknown(identity: Identity) -> None:
    """Refuse a method that does not exist; as a greeting this is told to proven callers only."""
    raise Unimplemented


async def _unreachable(request: Message, context: Context, key: str | None) -> bytes:
    raise AssertionError("a method that does not exist was answered")


class _Unary:
    """Runs the handler of a method with one response, up to four times when transactions collide (C12)."""

    def __init__(self, handler: Unary, path: str, idempotency: Idempotency | None) -> None:
        self._handler, self._path, self._idempotency = handler, path, idempotency

    async def respond(self, request: Message, context: Context, key: str | None) -> bytes:
        """Return the response to *request*; with *key*, that of the first call that carried it (C21)."""
        # An attempt is the whole call with its key: what a rolled back one has read is void.
        if key is None or self._idempotency is None:
            return (await retried(partial(self._handler, request, context))).SerializeToString()
        attempt = Attempt(self._path, caller().subject, key, content_hash(request))
        return await retried(partial(self._idempotency.once, attempt, partial(self._run, request, context)))

    async def _run(self, request: Message, context: Context) -> bytes:
        return (await self._handler(request, context)).SerializeToString()


class _Streaming:
    """Runs the handler of a method with a stream of responses."""

    def __init__(self, handler: Stream) -> None:
        self._handler = handler

    async def respond(self, request: Message, context: Context, key: str | None) -> None:
        """Write the responses to *request* as they come; the handler ends with the call."""
        async with aclosing(self._handler(request, context)) as responses:
            async for response in responses:
                await context.write(response.SerializeToString())


class _Collecting:
    """Runs the handler of a method with a stream of requests, once: what it has read cannot be read again."""

    def __init__(self, handler: Collect, method: Method, idempotency: Idempotency | None) -> None:
        self._handler, self._method, self._idempotency = handler, method, idempotency

    async def respond(self, request: Message, context: Context, key: str | None) -> bytes:
        """Return the response to the stream that *request* begins; with *key*, that of its first call."""
        keyed = key is not None and self._idempotency is not None
        incoming = Incoming(self._method, request, context, hashed=keyed)
        run = partial(self._run, incoming, context)
        async with aclosing(incoming.messages):
            if key is None or self._idempotency is None:
                return await run()
            attempt = Attempt(self._method.path, caller().subject, key)
            return await self._idempotency.once_streamed(attempt, incoming.content, run)

    async def _run(self, incoming: Incoming, context: Context) -> bytes:
        return (await self._handler(incoming.messages, context)).SerializeToString()


class _Chain:
    """The chain of one method: admits its calls, has *respond* answer them, ends each with a status."""

    def __init__(self, calls: Calls, guards: Guards, method: Method, respond: Respond) -> None:
        self._calls, self._method, self._respond = calls, method, respond
        self._ended: Ended = calls.ended
        self._identify, self._tenancy = guards.authenticator.identify, guards.tenancy
        self._greetings = guards.greetings

    async def answer(self, _: object, context: Context) -> bytes | None:
        """Answer one call; return the response, None when *respond* has written a stream of them."""
        started = time.perf_counter()
        headers = headers_of(context)
        correlation = self._calls.correlate(headers.correlation)
        code, subject = grpc.StatusCode.OK, ""
        try:
            identity = await self._identify(headers.authorization)
            subject = identity.subject
            for greet in self._greetings:
                await greet(identity)
            request = self._admit(identity, headers.organisation, await context.read())
            deadline.start(context.time_remaining())
            context.set_trailing_metadata(((CORRELATION, correlation),))
            return await self._respond(request, context, headers.idempotency_key)
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except grpc.aio.AbortError:  # a handler that ended the call itself instead of raising a refusal
            code = context.code()
            raise
        except Exception as error:
            refusal = _refusal(error, correlation)
            code = refusal.code
            trailers = ((CORRELATION, correlation), (STATUS, refusal.details(self._method.domain)))
            await context.abort(refusal.code, refusal.message, trailers)
        finally:
            self._ended(self._method.path, started, code, correlation, subject)

    def _admit(self, identity: Identity, header: str, body: Any) -> Message:
        """Decode the request of a proven caller and set the scope that the caller may see (C6)."""
        method = self._method
        current_caller.set(identity)
        if method.internal and identity.kind == "user":
            raise AppelInterneSeulement
        if body is grpc.aio.EOF:  # the caller ended its side of the call without a request
            raise RequeteIllisible
        request = parse(method.request, body)
        requested = getattr(request, ORGANISATION_FIELD) if method.names_organisation else ""
        scope = self._tenancy.scope(identity, requested, header)
        # Handlers read the organisation in the request, so it is the one that was decided.
        if method.names_organisation and scope.organisation_id != requested:
            setattr(request, ORGANISATION_FIELD, scope.organisation_id or "")
        current_scope.set(scope)
        return request


class _TracedChain(_Chain):
    """The chain of a process that traces: each call is a span, below that of its caller."""

    def __init__(
        self, calls: Calls, guards: Guards, method: Method, respond: Respond, spans: ServerSpans
    ) -> None:
        super().__init__(calls, guards, method, respond)
        self._spans, self._ended = spans, spans.ending(calls)

    async def answer(self, _: object, context: Context) -> bytes | None:
        """Answer one call within its span."""
        with self._spans.current(self._method.path, context.invocation_metadata() or ()):
            return await super().answer(_, context)


def _refusal(error: BaseException, correlation: str) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, DatabaseError) and (known := refusal_of(error)) is not None:
        return known
    _log.error("a call failed unexpectedly", exc_info=error)
    kind = Dechiffrement if isinstance(error, Undecipherable) else ErreurInterne
    return kind(correlation_id=correlation)
