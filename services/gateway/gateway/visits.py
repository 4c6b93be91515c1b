"""Notices to the directory that a user has called, sent after the answer.

Thanks to them a person whose webhook never came has an account, and the last sign-in is known.
No request waits for them; a failure is only logged.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable

import grpc
from crm.users.users_pb2 import SyncProfileRequest
from crm.users.users_pb2_grpc import SyncServiceStub
from grpc_utils.errors import Unavailable
from nats_utils import end

from gateway.calls import PROFILE_PATIENCE, bearer

_log = logging.getLogger(__name__)

PAUSE = 300.0  # seconds between two notices about one user
_REMEMBERED = 10_000  # users, so that memory is bounded


class Visits:
    """Notices to *directory*, the users service; *now* tells the seconds that have passed."""

    def __init__(self, directory: SyncServiceStub, now: Callable[[], float] = time.monotonic) -> None:
        self._directory, self._now = directory, now
        self._told: OrderedDict[str, float] = OrderedDict()
        self._telling: set[asyncio.Task[None]] = set()

    def told(self, user_id: str) -> bool:
        """Note a notice about *user_id*; tell whether there was one within the pause already."""
        now, before = self._now(), self._told.get(user_id)
        if before is not None and now - before < PAUSE:
            return True
        self._told[user_id] = now
        self._told.move_to_end(user_id)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return False

    def tell(self, user_id: str, token: str) -> None:
        """Start a notice that *user_id*, the owner of *token*, has called, unless there was one lately."""
        if not self.told(user_id):
            task = asyncio.create_task(self._tell(token))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def stop(self) -> None:
        """End the notices under way."""
        await end(*self._telling)

    async def _tell(self, token: str) -> None:
        try:
            await self._directory.SyncProfile(
                SyncProfileRequest(), timeout=PROFILE_PATIENCE, metadata=bearer(token)
            )
        except (Unavailable, grpc.aio.AioRpcError) as error:
            _log.info("the directory was not told of a visit: %s", type(error).__name__)
