"""Calls to users about sign-ins, and what an answer or a silence means here (S5, S8, S9)."""

from typing import Any

import grpc
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import SyncServiceStub
from grpc_utils import Peers, reason_of
from grpc_utils.errors import Unavailable

from user_sync import rules
from user_sync.rules import Central


class NotTold(Exception):
    """Users has not taken the sign-in in, and is told again later; *silent*: it did not answer at all."""

    def __init__(self, reason: str, *, silent: bool) -> None:
        super().__init__(reason)
        self.silent = silent


class Unusable(Exception):
    """Users will never take this sign-in in, for example because its address is impossible."""


class Closed(Exception):
    """The account is closed in users."""


class UsersClient:
    """Client of users, which counts as silent after *timeout* seconds without an answer.

    A *patient* client waits as long for users to be there at all, since it may just be coming back.
    """

    def __init__(self, peers: Peers, timeout: float, *, patient: bool = False) -> None:
        self._users, self._timeout, self._patient = peers.stub(SyncServiceStub), timeout, patient

    async def tell(self, request: pb.SyncUserRequest) -> Central:
        """Announce the sign-in; return the answer. Raises NotTold, Unusable or Closed."""
        patience: dict[str, Any] = {"timeout": self._timeout, "wait_for_ready": self._patient}
        try:
            return rules.answered(await self._users.SyncUser(request, **patience))
        except Unavailable as silence:
            raise NotTold(silence.reason, silent=True) from silence
        except grpc.aio.AioRpcError as refusal:
            raise _meaning(refusal) from refusal


def _meaning(refusal: grpc.aio.AioRpcError) -> Exception:
    code, reason = refusal.code(), reason_of(refusal)
    if code == grpc.StatusCode.FAILED_PRECONDITION and reason == rules.CompteDesactive.reason:
        return Closed()
    if code == grpc.StatusCode.INVALID_ARGUMENT:
        return Unusable(reason)
    return NotTold(reason or code.name, silent=False)
