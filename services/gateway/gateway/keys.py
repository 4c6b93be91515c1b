"""The public keys of our own tokens: asked of the auth service, published, used here too.

A service that meets a token signed with a new key asks here at once. So an answer is never
older than its question: questions that arrive while auth is being asked share the next call.
While auth is away, its last answer stands.
"""

import asyncio
import logging
from itertools import count

import grpc
from crm.auth.auth_pb2 import GetJwksRequest
from crm.auth.auth_pb2_grpc import TokenServiceStub
from grpc_utils import JwksError, KeySet
from grpc_utils.errors import DependanceIndisponible, Unavailable

from gateway.calls import KEYS_PATIENCE

_log = logging.getLogger(__name__)


class PublishedKeys:
    """JWK set of auth, read through its stub *tokens*."""

    def __init__(self, tokens: TokenServiceStub) -> None:
        self._tokens = tokens
        self._document = b""
        self._numbers = count(1)
        self._asked = 0
        self._one_by_one = asyncio.Lock()

    async def document(self) -> bytes:
        """The JWK set in JSON. Raises DependanceIndisponible while auth has never answered."""
        number = next(self._numbers)
        async with self._one_by_one:
            if self._asked < number:  # no call to auth has begun since this question came
                begun = next(self._numbers)
                await self._ask()
                self._asked = begun
        if not self._document:
            raise DependanceIndisponible(service="auth")
        return self._document

    async def _ask(self) -> None:
        try:
            answer = await self._tokens.GetJwks(GetJwksRequest(), timeout=KEYS_PATIENCE)
        except (Unavailable, grpc.aio.AioRpcError) as error:
            _log.warning("auth does not tell its keys, the former ones stay: %s", type(error).__name__)
        else:
            self._document = answer.jwks.encode()

    def key_set(self) -> KeySet:
        """These keys in the form that the verifier of this process needs."""
        return KeySet("auth", self._download)

    async def _download(self) -> bytes:
        try:
            return await self.document()
        except Unavailable:
            raise JwksError("auth has not told any yet") from None
