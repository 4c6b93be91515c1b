"""Keeps a service's memory of revoked tokens up to date, whatever is away (S14, R13).

The bucket on the bus tells within milliseconds. At the start, and while the broker is away,
the auth service is asked; with both away the last known list stays in force.
"""

import asyncio
import logging

from crm.auth.auth_pb2 import ListRevokedRequest, Revocation
from crm.auth.auth_pb2_grpc import TokenServiceStub
from crm.common.common_pb2 import Pagination
from google.protobuf.timestamp_pb2 import Timestamp
from grpc.aio import AioRpcError
from grpc_utils import Peers
from grpc_utils.errors import Unavailable
from grpc_utils.revocation import Revocations
from nats_utils import Bus, follow_revocations
from nats_utils.bus import BUS_ERRORS

_log = logging.getLogger(__name__)
_ASK = 1.0  # seconds between two questions to auth while the broker is away
_OVERLAP = 30  # seconds; a revocation may be committed that long after its instant


class RevocationWatch:
    """Fills *revocations* from the bucket on *bus*, or from auth through *peers* (None: never)."""

    def __init__(self, revocations: Revocations, bus: Bus, peers: Peers | None) -> None:
        self._revocations, self._bus = revocations, bus
        self._auth = peers.stub(TokenServiceStub) if peers is not None else None
        self._asked_until = Timestamp()

    async def run(self) -> None:
        """Follow the bucket while the broker is there, ask auth while it is not."""
        await self._ask()
        while True:
            try:
                async with asyncio.timeout(_ASK):
                    await self._bus.wait_up()
            except TimeoutError:
                await self._ask()
                continue
            try:
                await follow_revocations(self._bus, self.take)
            except BUS_ERRORS as error:
                _log.warning("revocations are not followed: %s", type(error).__name__)
                await asyncio.sleep(_ASK)

    def take(self, revocation: Revocation) -> None:
        """Remember one revocation."""
        until = _seconds(revocation.expire_le)
        if revocation.jti:
            self._revocations.revoke_token(revocation.jti, until)
        else:
            before, organisation_id = _seconds(revocation.revoque_le), revocation.organisation_id
            self._revocations.revoke_user(revocation.utilisateur_id, before, until, organisation_id)

    async def _ask(self) -> None:
        """Take over what auth has revoked since the last question; failing that, go on without."""
        if self._auth is None:
            return
        request = ListRevokedRequest(depuis=self._asked_until, pagination=Pagination(page_size=100))
        try:
            while True:
                answer = await self._auth.ListRevoked(request)
                for revocation in answer.revocations:
                    self.take(revocation)
                request.pagination.page_token = answer.pagination.next_page_token
                if not request.pagination.page_token:
                    break
        except (Unavailable, AioRpcError) as error:
            _log.debug("auth does not tell its revocations: %s", type(error).__name__)
        else:
            seconds = max(answer.maintenant.seconds - _OVERLAP, 0)
            self._asked_until = Timestamp(seconds=seconds)


def _seconds(instant: Timestamp) -> float:
    """*instant* as an `iat` tells it, to the bit: both count whole microseconds."""
    return instant.ToMicroseconds() / 1e6
