"""Checks that every request must pass before an endpoint sees it, in this order.

path → method → size of the headers → rate of its address → proof of the caller → rate of the
caller → type and size of the body. All of it within the time that one request may take.
"""

import asyncio
import contextlib
from collections.abc import Callable
from email.message import Message as Headers

from grpc_utils import Authenticator, deadline
from grpc_utils.errors import Refusal
from service_kit import Buckets, sender_of
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send

from gateway.callers import prove, require_service, require_user
from gateway.exchange import Scope, exchange_of, header_of, headers_of
from gateway.policies import POLICIES, Policy
from gateway.problems import (
    HEADERS_TOO_LARGE,
    NOT_FOUND,
    TOO_LARGE,
    TOO_SLOW,
    WRONG_TYPE,
    Problem,
    Refused,
    method_not_allowed,
    problem_of,
    too_many,
)

LARGEST_HEAD = 16 * 1024  # bytes of names and values
_LINE = 4  # bytes around them
_DISCARDED, _DISCARDING = 1024 * 1024, 1.0  # bytes and seconds of reading on after a refusal

Refuse = Callable[[Problem, Scope], Response]


class ClientGone(Exception):
    """Disconnection of the client in the middle of its request."""


class Guard:
    """Layer that lets to *app* what the table of policies admits; *refuse* makes the other answers.

    *authenticator* is that of this process; *patience* is the seconds that one request has.
    """

    def __init__(self, app: ASGIApp, authenticator: Authenticator, refuse: Refuse, patience: float) -> None:
        self._app, self._authenticator, self._refuse, self._patience = app, authenticator, refuse, patience
        self._addresses = {path: Buckets(policy.per_address) for path, policy in POLICIES.items()}
        self._by_caller = {path: Buckets(policy.per_caller) for path, policy in POLICIES.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request within the time it has."""
        sent = _Sent(send)
        deadline.start(self._patience)
        try:
            async with asyncio.timeout(self._patience) as limit:
                await self._admit(scope, receive, sent)
        except ClientGone:
            return
        except TimeoutError:
            if not limit.expired():
                raise
            await self._end(TOO_SLOW, scope, receive, sent)

    async def _admit(self, scope: Scope, receive: Receive, sent: "_Sent") -> None:
        try:
            policy = self._checked(scope)
            if scope["method"] == "OPTIONS":
                await Response(status_code=204, headers=_allow(policy))(scope, receive, sent)
                return
            await self._check_caller(scope, policy)
            receive = await _with_body(scope, receive, policy)
        except (Refused, Refusal) as error:
            await self._end(problem_of(error), scope, receive, sent)
            return
        await self._app(_for_endpoint(scope), receive, sent)

    def _checked(self, scope: Scope) -> Policy:
        """The policy of the request's path, once path, method, headers and address have passed."""
        exchange = exchange_of(scope)
        if not exchange.route:
            raise Refused(NOT_FOUND)
        policy = POLICIES[exchange.route]
        if scope["method"] not in policy.methods:
            raise Refused(method_not_allowed(policy.methods))
        if sum(len(name) + len(value) + _LINE for name, value in scope["headers"]) > LARGEST_HEAD:
            raise Refused(HEADERS_TOO_LARGE)
        if policy.per_address and scope["method"] != "OPTIONS":
            _take(self._addresses[exchange.route], sender_of(exchange.address))
        return policy

    async def _check_caller(self, scope: Scope, policy: Policy) -> None:
        if not policy.caller:
            return
        exchange = exchange_of(scope)
        await prove(self._authenticator, exchange, headers_of(scope, "authorization"))
        if policy.caller == "user":
            require_user(exchange)
        else:
            require_service(exchange, header_of(scope, "x-service-name"))
        if policy.per_caller:
            _take(self._by_caller[policy.counted_with or exchange.route], exchange.caller.subject)

    async def _end(self, problem: Problem, scope: Scope, receive: Receive, sent: "_Sent") -> None:
        if not sent.begun:
            await self._refuse(problem, scope)(scope, receive, sent)


class _Sent:
    """Wrapper of ASGI's send that knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send, self.begun = send, False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


def _for_endpoint(scope: Scope) -> Scope:
    """The request in the form by which its endpoint is found.

    HEAD becomes GET: the server leaves the body of the answer out by itself.
    """
    path, is_head = exchange_of(scope).path, scope["method"] == "HEAD"
    if path == scope["path"] and not is_head:
        return scope
    return {**scope, "path": path, "method": "GET" if is_head else scope["method"]}


def _take(buckets: Buckets, key: str) -> None:
    wait = buckets.take(key)
    if wait:
        raise Refused(too_many(wait))


def _allow(policy: Policy) -> dict[str, str]:
    return {"allow": ", ".join(policy.methods)}


async def _with_body(scope: Scope, receive: Receive, policy: Policy) -> Receive:
    """Receiver of the body, which has passed all checks. Raises Refused, ClientGone."""
    wrong_type = policy.body and not _is_one_of(policy.body, scope)
    if wrong_type and not policy.body_optional:
        raise Refused(WRONG_TYPE)
    announced = header_of(scope, "content-length")
    if announced.isdecimal() and int(announced) > policy.largest_body:
        if int(announced) <= _DISCARDED and not headers_of(scope, "expect"):
            await _discard(receive)
        raise Refused(TOO_LARGE)
    body = await _read(receive, policy.largest_body)
    if body and wrong_type:
        raise Refused(WRONG_TYPE)
    given = False

    async def once() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return once


def _is_one_of(admitted: frozenset[str], scope: Scope) -> bool:
    """Tell whether the body is declared as one of *admitted*, in UTF-8 and not compressed."""
    headers = Headers()
    headers["content-type"] = header_of(scope, "content-type")
    charset = headers.get_param("charset", "utf-8")
    encodings = headers_of(scope, "content-encoding")
    plain = not encodings or [*encodings] == ["identity"]
    return headers.get_content_type() in admitted and str(charset).lower() == "utf-8" and plain


async def _read(receive: Receive, largest: int) -> bytes:
    body = b""
    more = True
    while more:
        chunk, more = await _chunk(receive)
        body += chunk
        if len(body) > largest:
            if more:
                await _discard(receive)
            raise Refused(TOO_LARGE)
    return body


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


async def _discard(receive: Receive) -> None:
    """Read the rest of a body for a while: a client that is cut off while sending reads no answer."""
    total, more = 0, True
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DISCARDING):
            while more and total <= _DISCARDED:
                chunk, more = await _chunk(receive)
                total += len(chunk)
