"""Members of organisations, for the tests of this folder."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import TokenServiceStub
from crm.common.common_pb2 import Pagination
from crm.users import users_pb2
from grpc_utils import timestamp
from service_testing import pages
from tests.connexions import Someone

FIRST, SECOND, MOVED = "org-premiere", "org-seconde", "org-nouvelle"

Join = Callable[[Someone, str, str], Awaitable[users_pb2.Membre]]


async def motif(tokens: TokenServiceStub, token: str) -> str:
    """Reason for which auth calls *token* void, "" when it is good."""
    return (await tokens.VerifyToken(pb.VerifyTokenRequest(token=token))).motif


async def listed_of(
    tokens: TokenServiceStub, somebody: Someone, since: datetime | None = None
) -> list[pb.Revocation]:
    """Revocations of *somebody* that ListRevoked gives: all, or those written after *since*."""
    depuis = None if since is None else timestamp(since)
    request = pb.ListRevokedRequest(depuis=depuis, pagination=Pagination(page_size=1000))
    everything = [one async for page in pages(tokens.ListRevoked, request) for one in page.revocations]
    return [one for one in everything if one.utilisateur_id == somebody.id]
