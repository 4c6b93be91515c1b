"""An identity provider on a free port: a real HTTP server that signs, rotates, fails and lies.

async with identity_provider() as provider:
    Issuer(provider.issuer, "RS256", Jwks(provider.jwks_url))
    token = provider.token(sub="user-1")
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from db_utils import clock
from jwt.algorithms import RSAAlgorithm
from starlette.responses import JSONResponse, Response

from service_testing.party import HttpParty, Request
from service_testing.tokens import compact, rsa_by

JWKS_PATH = "/protocol/openid-connect/certs"
_OTHER_JWKS_PATH = "/.well-known/jwks"  # where Kinde has its keys
_DISCOVERY_PATH = "/.well-known/openid-configuration"
_REALM = "/realms/crm"

Document = dict[str, Any]
Reply = Callable[["IdentityProvider"], Response]


class IdentityProvider(HttpParty):
    """Signs with the newest of its keys and publishes them.

    Keys are numbered from *first_key*; those of one number are the same key in every provider.
    """

    def __init__(self, first_key: int = 1) -> None:
        super().__init__()
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
    def key_requests(self) -> int:
        """The number of requests for its keys."""
        return sum(_is_jwks(request.path) for request in self.requests)

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
        """Answer requests for keys with what *reply* makes."""
        former, self._reply = self._reply, reply
        try:
            yield
        finally:
            self._reply = former

    def _published(self) -> Response:
        return JSONResponse(self.document())

    def _answer(self, request: Request) -> Response:
        if request.path == _REALM + _DISCOVERY_PATH:
            return JSONResponse({"issuer": self.issuer, "jwks_uri": self.jwks_url})
        return self._reply(self) if _is_jwks(request.path) else Response(status_code=404)


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
