"""HTTP calls to parties outside: three attempts, small answers, repeated only when that is safe.

There are no refusals here: each caller decides what a missing answer means. Our own services call
each other by `grpc_utils.Peers`.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
import stamina
from grpc_utils.web import HEADERS, LARGEST, authorities, content_of
from stamina.instrumentation import set_on_retry_hooks

__all__ = [
    "ATTEMPTS",
    "NoReply",
    "Question",
    "Reply",
    "reply_to",
]

_log = logging.getLogger(__name__)
set_on_retry_hooks(())  # of stamina: each retry would be logged once more, and counted by another name

ATTEMPTS = 3
_FIRST_PAUSE, _JITTER, _LONGEST_PAUSE = 0.1, 0.1, 5.0  # seconds
_TRY_AGAIN = frozenset({429, 502, 503, 504})
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_TOO_SLOW = (TimeoutError, httpx.TimeoutException)
_CONNECT = httpx.Timeout(None, connect=3.0)
_LONGEST_SECONDS = 9  # digits of Retry-After: more are nonsense
_REFUSALS = 400  # statuses from here on say that the answer is no


@dataclass(frozen=True, slots=True)
class Question:
    """A request to a party. Logs show its *operation* alone: everything else may hold secrets.

    Unless it is *repeatable*, it is not sent again once it may have arrived. It carries a *form*, a
    *json* object, or *parts* (multipart/form-data: file name, content and media type by name). An
    answer above *largest* bytes counts as one without content.
    """

    operation: str
    method: str
    url: str = field(repr=False)
    query: Mapping[str, str] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    bearer: str = field(default="", repr=False)
    repeatable: bool = True
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    json: Mapping[str, Any] | None = field(default=None, repr=False)
    parts: Mapping[str, tuple[str | None, bytes, str]] | None = field(default=None, repr=False)
    largest: int = field(default=LARGEST, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a party; *content* is its JSON object, empty when it has sent none.

    *retry_after* are the seconds for which it wants to be left alone, 0 when it does not say.
    """

    status: int
    content: Mapping[str, Any] = field(repr=False)
    body: bytes = field(default=b"", repr=False, compare=False)
    retry_after: float = field(default=0.0, repr=False)


class NoReply(Exception):
    """Failure to get an answer: the party could not be reached, or was *too_slow*."""

    def __init__(self, *, too_slow: bool) -> None:
        super().__init__()
        self.too_slow = too_slow


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The end of one attempt; *again* says that another one is safe and may help."""

    cause: str
    again: bool
    reply: Reply | None = None
    too_slow: bool = False
    least_pause: float = 0.0


async def reply_to(
    question: Question,
    *,
    timeout: float,
    attempts: int = ATTEMPTS,
    on_retry: Callable[[], object] = lambda: None,
) -> Reply:
    """Return the answer to *question*, whatever its status; an attempt takes *timeout* seconds at most.

    The question is repeated after 429, 502, 503 and 504, when it was surely not sent and, if it is
    repeatable, when no answer came; *on_retry* is called before. Raises NoReply.
    """
    retries = stamina.retry_context(
        on=_pause_after,
        attempts=attempts,
        timeout=None,
        wait_initial=_FIRST_PAUSE,
        wait_max=_LONGEST_PAUSE,
        wait_jitter=_JITTER,
    )
    async for attempt in retries:
        with attempt:
            outcome = await _attempt(question, timeout)
            if outcome.again and attempt.num < attempts:
                wait = max(attempt.next_wait, outcome.least_pause)
                name, cause = question.operation, outcome.cause
                _log.warning("%s: %s (attempt %d, again in %.2f s)", name, cause, attempt.num, wait)
                on_retry()
                raise _AgainError(outcome.least_pause)
    return _last(question, outcome, attempt.num)


class _AgainError(Exception):
    """Sign that another attempt follows, after *pause* seconds if the party has asked for them."""

    def __init__(self, pause: float) -> None:
        super().__init__()
        self.pause = pause


def _pause_after(error: Exception) -> bool | float:
    """Return the seconds that the party has asked for, else True for a doubled pause; False for a bug."""
    return isinstance(error, _AgainError) and (error.pause or True)


def _last(question: Question, outcome: _Outcome, attempt: int) -> Reply:
    """Return the reply of the last attempt. Raises NoReply."""
    if outcome.reply is None or outcome.reply.status >= _REFUSALS:
        _log.warning("%s has failed: %s (attempt %d)", question.operation, outcome.cause, attempt)
    elif attempt > 1:
        _log.info("%s has succeeded (attempt %d)", question.operation, attempt)
    if outcome.reply is None:
        raise NoReply(too_slow=outcome.too_slow)
    return outcome.reply


async def _attempt(question: Question, timeout: float) -> _Outcome:
    try:
        async with asyncio.timeout(timeout):
            return await _sent(question)
    except (httpx.HTTPError, TimeoutError) as error:
        again = question.repeatable or isinstance(error, _NOT_SENT)
        return _Outcome(type(error).__name__, again, too_slow=isinstance(error, _TOO_SLOW))


async def _sent(question: Question) -> _Outcome:
    """Send *question* once. Raises httpx.HTTPError."""
    proof = {"authorization": f"Bearer {question.bearer}"} if question.bearer else {}
    async with (
        httpx.AsyncClient(verify=authorities(), timeout=_CONNECT) as client,
        client.stream(
            question.method,
            question.url,
            params=question.query,
            data=question.form,
            json=question.json,
            files=question.parts,
            headers={**HEADERS, **(question.headers or {}), **proof},
        ) as response,
    ):
        body = await content_of(response, question.largest) or b""
        reply = Reply(response.status_code, _object(body), body, _retry_after(response))
        # A pause that is too long is not waited for: the next attempt comes as usual.
        pause = reply.retry_after if reply.retry_after <= _LONGEST_PAUSE else 0.0
        return _Outcome(str(reply.status), reply.status in _TRY_AGAIN, reply, least_pause=pause)


def _retry_after(response: httpx.Response) -> float:
    """The seconds that the party wants to be left alone, 0 when it does not say."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_SECONDS else 0.0


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        parsed = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
