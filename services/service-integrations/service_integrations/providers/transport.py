"""The transport to one provider: rate, circuit, retries, and the meaning of its statuses.

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
from service_integrations.providers.answers import Content, Unreadable, error_of

T = TypeVar("T")

RETRIES: Final = Counter(
    "int_retries_total", "Questions put to a provider once more.", ["operation", "provider"]
)
_BURST = 6  # part of a minute's questions that may be put at once: 10 of 60 (R19)
_REVOKING = 3.0  # seconds for a revocation (R16)
_OK, _REDIRECTION, _REFUSAL, _TOO_MANY, _FAILURE = 200, 300, 400, 429, 500  # first statuses of each kind


class Transport:
    """The rate and the circuit of one running service towards the provider *code* (R19).

    *per_minute* questions, each with up to three attempts (R9) of *timeout* seconds. *now* is a clock in
    seconds that never goes back.
    """

    def __init__(
        self, code: str, *, per_minute: int, timeout: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._code, self._timeout = code, timeout
        self._buckets = Buckets(per_minute, now, burst=per_minute // _BURST)
        self._breaker = Breaker(code, now)

    async def ask(self, question: Question, read: Callable[[Content], T]) -> T:
        """Put *question*; return the value that *read*, which may raise Unreadable, finds in the answer.

        Raises NetworkError, TimeoutError, ApiError and ProviderRefused.
        """
        reply = await self._reply(question, self._timeout, ATTEMPTS)
        if _REFUSAL <= reply.status < _FAILURE and reply.status != _TOO_MANY:
            raise refusals.ProviderRefused(reply.status, error_of(reply.content, reply.status))
        if not _OK <= reply.status < _REDIRECTION:
            raise refusals.ApiError(self._code, status=str(reply.status))
        try:
            return read(reply.content)
        except Unreadable:
            raise refusals.ApiError(self._code, status=str(reply.status)) from None

    async def confirms(self, question: Question) -> bool:
        """Put *question* once, for 3 s at most; return whether the answer is yes (R16). Raises nothing."""
        try:
            reply = await self._reply(question, min(_REVOKING, self._timeout), 1)
        except refusals.IntegrationRefusal:
            return False
        return _OK <= reply.status < _REDIRECTION

    async def _reply(self, question: Question, timeout: float, attempts: int) -> Reply:
        """The reply to *question*, whatever its status. Raises NetworkError, TimeoutError, ApiError."""
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
        """Claim the right to put one question. Raises ApiError: the circuit is open, or the rate used up."""
        try:
            self._breaker.enter()
        except CircuitOuvert:
            raise refusals.ApiError(self._code, circuit="open") from None
        if self._buckets.take(self._code):
            self._breaker.abandoned()
            raise refusals.ApiError(self._code, rate="local")
