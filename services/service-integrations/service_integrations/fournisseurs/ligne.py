"""The line to one provider: how often it is asked, whether at all, how patiently, and what a no means.

Adapters say what to send and how to read the answer; nothing else may speak to a provider.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

from grpc_utils import Breaker
from grpc_utils.errors import CircuitOuvert
from prometheus_client import Counter
from service_kit import Buckets
from service_kit.outside import ATTEMPTS, NoReply, Question, Reply, reply_to

from service_integrations import refusals
from service_integrations.fournisseurs.reponses import Content, Illisible, error_of

T = TypeVar("T")

RETRIES: Final = Counter(
    "int_retries_total", "Questions put to a provider once more.", ["operation", "provider"]
)
_BURST = 6  # part of a minute's questions that may come at once: 10 of 60 (R19)
_REVOKING = 3.0  # seconds (R16)
_OK, _REDIRECTION, _REFUSAL, _TOO_MANY, _FAILURE = 200, 300, 400, 429, 500  # where the statuses begin


class Ligne:
    """Limits and circuit of one running service towards the provider *code* (R19).

    *per_minute* questions, each with up to three attempts (R9) of *timeout* seconds; *now* tells
    the seconds that have passed.
    """

    def __init__(
        self, code: str, *, per_minute: int, timeout: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._code, self._timeout = code, timeout
        self._buckets = Buckets(per_minute, now, burst=per_minute // _BURST)
        self._breaker = Breaker(code, now)

    async def ask(self, question: Question, read: Callable[[Content], T]) -> T:
        """What *read*, which may raise Illisible, finds in the answer to *question*.

        Raises NetworkError, TimeoutError, ApiError and FournisseurRefuse.
        """
        reply = await self._reply(question, self._timeout, ATTEMPTS)
        if _REFUSAL <= reply.status < _FAILURE and reply.status != _TOO_MANY:
            raise refusals.FournisseurRefuse(reply.status, error_of(reply.content, reply.status))
        if not _OK <= reply.status < _REDIRECTION:
            raise refusals.ApiError(self._code, status=str(reply.status))
        try:
            return read(reply.content)
        except Illisible:
            raise refusals.ApiError(self._code, status=str(reply.status)) from None

    async def confirms(self, question: Question) -> bool:
        """Whether the provider says yes, asked once and for 3 s at most; it raises nothing (R16)."""
        try:
            reply = await self._reply(question, min(_REVOKING, self._timeout), 1)
        except refusals.ErreurIntegration:
            return False
        return _OK <= reply.status < _REDIRECTION

    async def _reply(self, question: Question, timeout: float, attempts: int) -> Reply:
        """The answer, whatever its status. Raises NetworkError, TimeoutError, ApiError."""
        self._enter()
        retried = RETRIES.labels(question.operation, self._code).inc
        try:
            named = replace(question, operation=f"{self._code} {question.operation}")
            reply = await reply_to(named, timeout=timeout, attempts=attempts, on_retry=retried)
        except NoReply as silence:
            self._breaker.failed()
            kind = refusals.TimeoutError if silence.too_slow else refusals.NetworkError
            raise kind(self._code) from None
        except BaseException:
            self._breaker.abandoned()
            raise
        if reply.status >= _FAILURE:
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        return reply

    def _enter(self) -> None:
        """Ask for permission to ask. Raises ApiError."""
        try:
            self._breaker.enter()
        except CircuitOuvert:
            raise refusals.ApiError(self._code, circuit="open") from None
        if self._buckets.take(self._code):
            self._breaker.abandoned()
            raise refusals.ApiError(self._code, rate="local")
