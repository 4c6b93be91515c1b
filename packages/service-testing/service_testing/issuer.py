"""An identity provider on a free port: a real HTTP server that signs, rotates, fails and lies.

async with identity_provider() as provider:
    Issuer(provider.issuer, "RS256", Jwks(provider.jwks_url))
    token = provider.token(sub="user-1")
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from db_utils import clock
from jwt.algorithms import RSAAlgorithm

from service_testing.party import HttpParty, http_reply
from service_testing.tokens import compact, rsa_by

JWKS_PATH = "/protocol/openid-connect/certs"
_OTHER_JWKS_PATH = "/.well-known/jwks"  # where Kinde has its keys
_DISCOVERY_PATH = "/.well-known/openid-configuration"
_REALM = "/realms/crm"

Document = dict[str, Any]
Reply = Callable[["IdentityProvider"], bytes]


class IdentityProvider(HttpParty):
    """Signs with the newest of its keys and publishes them; *requests* counts those for keys.

    Keys are numbered from *first_key*; those of one number are the same key in every provider.
    """

    def __init__(self, first_key: int = 1) -> None:
        super().__init__()
        self.requests = 0
        self._numbers = count(first_key)
        self._keys: dict[str, RSAPrivateKey] = {}
        self._reply: Reply = IdentityProvider._published
        self.rotate()

    @property
    def issuer(self) -> str:
        """What its tokens say in `iss`, and where discovery is found."""
        return f"http://127.0.0.1:{self.port}{_REALM}"

    @property
    def jwks_url(self) -> str:
        """Where its keys are published."""
        return self.issuer + JWKS_PATH

    @property
    def kid(self) -> str:
        """The id of the newest key."""
        return next(reversed(self._keys))

    @property
    def key(self) -> RSAPrivateKey:
        """The newest key."""
        return self._keys[self.kid]

    def rotate(self, *, withdraw: bool = False) -> None:
        """Sign with a new key from now on; *withdraw* the former ones."""
        if withdraw:
            self._keys.clear()
        number = next(self._numbers)
        self._keys[f"key-{number}"] = new_key(number)

    def token(self, **changes: object) -> str:
        """An access token for an hour, signed by the newest key; None removes a claim."""
        return self.token_by(self.kid, **changes)

    def token_by(self, kid: str, **changes: object) -> str:
        """The same, signed by the key named *kid*."""
        now = int(clock.timestamp())
        standard = {"iss": self.issuer, "sub": "user-1", "typ": "Bearer", "iat": now, "exp": now + 3600}
        claims = {name: value for name, value in (standard | changes).items() if value is not None}
        return compact({"alg": "RS256", "typ": "JWT", "kid": kid}, claims, rsa_by(self._keys[kid]))

    def document(self) -> Document:
        """The JWK set that an honest provider publishes."""
        return {"keys": [public_jwk(key, kid) for kid, key in self._keys.items()]}

    @contextmanager
    def lying(self, reply: Reply) -> Iterator[None]:
        """Answer requests for keys with the bytes that *reply* makes."""
        former, self._reply = self._reply, reply
        try:
            yield
        finally:
            self._reply = former

    def _published(self) -> bytes:
        return http_reply(200, json.dumps(self.document()).encode())

    def _answer(self, path: str) -> bytes:
        if path == _REALM + _DISCOVERY_PATH:
            found = {"issuer": self.issuer, "jwks_uri": self.jwks_url}
            return http_reply(200, json.dumps(found).encode())
        if not _is_jwks(path):
            return http_reply(404, b"")
        return self._reply(self)

    async def _exchange(self, reader: asyncio.StreamReader) -> bytes:
        if await reader.readexactly(1) != b"G":
            return b""  # no GET: a client that wants TLS
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        self.requests += _is_jwks(path)
        await self._flows()
        return self._answer(path)


def _is_jwks(path: str) -> bool:
    return path in (_REALM + JWKS_PATH, _REALM + _OTHER_JWKS_PATH)


@asynccontextmanager
async def identity_provider(first_key: int = 1) -> AsyncIterator[IdentityProvider]:
    """A running identity provider with one key."""
    provider = IdentityProvider(first_key)
    await provider.start()
    try:
        yield provider
    finally:
        await provider.stop()


def public_jwk(key: RSAPrivateKey, kid: str, **changes: object) -> Document:
    """The public half of *key* as a JWK; *changes* replace members, None removes one."""
    entry = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    entry |= {"kid": kid, "use": "sig", "alg": "RS256", **changes}
    return {name: value for name, value in entry.items() if value is not None}


@cache
def new_key(number: int, bits: int = 2048) -> RSAPrivateKey:
    """The key of that *number*, made once: that takes a tenth of a second."""
    return generate_private_key(public_exponent=65537, key_size=bits)
