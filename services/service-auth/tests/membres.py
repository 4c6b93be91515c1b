"""Members of organisations, who come and go, for the tests of this folder."""

from collections.abc import Awaitable, Callable

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import TokenServiceStub
from crm.users import users_pb2
from tests.connexions import Someone

FIRST, SECOND, MOVED = "org-premiere", "org-seconde", "org-nouvelle"

Join = Callable[[Someone, str, str], Awaitable[users_pb2.Membre]]


async def motif(tokens: TokenServiceStub, token: str) -> str:
    """Why *token* is not good, "" when it is."""
    return (await tokens.VerifyToken(pb.VerifyTokenRequest(token=token))).motif
