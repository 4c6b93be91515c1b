"""A process's memory of revoked tokens, kept up to date whatever is away (C5).

Revocations arrive by the bucket on the bus within milliseconds. The auth service is asked at the
start, whenever the bucket is followed anew, and once per second while it cannot be followed. With
both away the last known list stays in force.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from crm.auth.auth_pb2 import ListRevokedRequest, ListRevokedResponse, Revocation
from crm.auth.auth_pb2_grpc import TokenServiceStub
from crm.common.common_pb2 import Pagination
from db_utils import DatabaseError
from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import AioRpcError
from grpc_utils import Peers, Revocations
from grpc_utils.errors import Unavailable
from nats_utils import Bus, follow_revocations, together
from prometheus_client import Gauge

__all__ = ["BEARABLE", "BEHIND", "HEALTH", "Ask", "RevocationWatch", "asking"]

_log = logging.getLogger(__name__)

BEHIND = Gauge(
    "crm_revocations_behind_seconds", "Since the process last knew which tokens are revoked.", ["service"]
)
HEALTH: Final = "revocations"  # the name under which health says whether the process is in step (C17)
BEARABLE = 5.0  # seconds out of step
_ASK = 1.0  # seconds between two questions to auth while the bucket cannot be followed
_RETRY = 0.5  # seconds before the bucket is followed anew
_PAGE = 1000
_OVERLAP = 30  # seconds; a revocation may be committed that long after its instant

Ask = Callable[[ListRevokedRequest], Awaitable[ListRevokedResponse]]


def asking(peers: Peers) -> Ask:
    """Make the question to the auth service, which no open circuit holds back: it is asked once a second."""
    ask: Ask = peers.stub(TokenServiceStub, breaker=False).ListRevoked
    return ask


class RevocationWatch:
    """The job that fills *revocations* of process *name* from the bucket on *bus*, and by *ask*.

    Without *ask* the bucket is the only source. *now* is a clock in seconds.
    """

    def __init__(
        self,
        name: str,
        revocations: Revocations,
        bus: Bus,
        ask: Ask | None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._revocations, self._bus, self._ask, self._now = revocations, bus, ask, now
        self._following, self._turned = False, asyncio.Event()
        self._in_step_at = now()
        BEHIND.labels(name).set_function(self.behind)

    def behind(self) -> float:
        """Return the seconds since the bucket was last known to be followed, or auth has answered."""
        return self._now() - self._in_step_at

    def in_step(self) -> bool:
        """Whether the process is at most `BEARABLE` seconds behind."""
        return self.behind() <= BEARABLE

    async def run(self) -> None:
        """Follow the bucket; ask auth whenever that begins or ends, and once a second while it fails."""
        asking = [] if self._ask is None else [self._keep_asking(self._ask)]
        await together(self._keep_following(), *asking)

    def take(self, revocation: Revocation) -> None:
        """Remember one revocation."""
        until = _seconds(revocation.expire_le)
        if revocation.jti:
            self._revocations.revoke_token(revocation.jti, until)
        else:
            before, organisation_id = _seconds(revocation.revoque_le), revocation.organisation_id
            self._revocations.revoke_user(revocation.utilisateur_id, before, until, organisation_id)

    async def _keep_following(self) -> None:
        while True:
            await self._bus.wait_up()
            await follow_revocations(self._bus, self.take, self._followed)
            self._turn(following=False)
            await asyncio.sleep(_RETRY)

    def _followed(self) -> None:
        self._in_step_at = self._now()
        self._turn(following=True)

    def _turn(self, *, following: bool) -> None:
        if following != self._following:
            self._following = following
            self._turned.set()

    async def _keep_asking(self, ask: Ask) -> None:
        """Ask for all revocations at each turn, then for new ones while the bucket cannot be followed."""
        while True:
            self._turned.clear()
            since: Timestamp | None = None
            while not self._turned.is_set():
                since = await self._heard(ask, since) or since
                enough = since is not None and self._following
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if enough else _ASK):
                        await self._turned.wait()

    async def _heard(self, ask: Ask, since: Timestamp | None) -> Timestamp | None:
        """Take over the revocations *since*; return from when to ask next, None when auth does not answer."""
        try:
            next_time = await self._take_pages(ask, since or Timestamp())
        except (Unavailable, AioRpcError, DatabaseError) as error:
            _log.debug("auth does not tell its revocations: %s", type(error).__name__)
            return None
        self._in_step_at = self._now()
        return next_time

    async def _take_pages(self, ask: Ask, since: Timestamp) -> Timestamp:
        request = ListRevokedRequest(depuis=since, pagination=Pagination(page_size=_PAGE))
        answer = await ask(request)
        next_time = Timestamp(seconds=max(answer.maintenant.seconds - _OVERLAP, 0))
        while True:
            for revocation in answer.revocations:
                self.take(revocation)
            request.pagination.page_token = answer.pagination.next_page_token
            if not request.pagination.page_token:
                return next_time
            answer = await ask(request)


def _seconds(instant: Timestamp) -> float:
    """Return *instant* as seconds, equal to the bit to an `iat`: both count whole microseconds."""
    return instant.ToMicroseconds() / 1e6
