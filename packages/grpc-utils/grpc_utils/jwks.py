"""Public keys of a token issuer, by default over HTTP: fetched once, kept while the issuer is away.

There is one request at a time, however many calls wait. Keys older than the refresh age are
served while they are fetched again in the background. Unknown key ids force a fetch at most once
in ten seconds. A document without a usable key changes nothing (I6).
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from grpc_utils.web import HEADERS, authorities, content_of, is_loopback

_log = logging.getLogger(__name__)

REFRESH_AGE = 600.0  # seconds after which keys are fetched again in the background
FORCED_PAUSE = 10.0  # seconds between two fetches forced by unknown key ids
TIMEOUT = 3.0  # seconds for a whole request
_LAST_PORT = 65535
_VERIFY = "verify"
SMALLEST_KEY = 2048  # bits (RFC 8725 section 3.5 asks for adequate keys; NIST SP 800-131A)


class JwksError(Exception):
    """An address or a document that is not acceptable; the text says why."""


class KeySet:
    """RS256 keys of the JWK set that *download* fetches; *source* names it in logs.

    *download* raises JwksError, TimeoutError or an error of httpx when it fails. *now* is the clock,
    in seconds. *refresh_age* and *forced_pause* replace the constants of this module.
    """

    def __init__(
        self,
        source: str,
        download: Callable[[], Awaitable[bytes]],
        *,
        now: Callable[[], float] = time.monotonic,
        refresh_age: float = REFRESH_AGE,
        forced_pause: float = FORCED_PAUSE,
    ) -> None:
        self._source, self._download, self._now = source, download, now
        self._refresh_age, self._forced_pause = refresh_age, forced_pause
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at = self._tried_at = self._forced_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key named *kid*, None when the issuer does not publish it or cannot be asked (`reached`)."""
        known = self._keys.get(kid)
        if known is None:
            return await self._unknown(kid)
        now = self._now()
        if now - self._fetched_at > self._refresh_age and now - self._tried_at > self._forced_pause:
            self._start_fetching()
        return known

    @property
    def reached(self) -> bool:
        """Whether the last request brought keys; if not, a missing key may well be published."""
        return self._fetched_at >= self._tried_at

    async def _unknown(self, kid: str) -> RSAPublicKey | None:
        """The key named *kid* after the fetch under way and, if the pause has passed, one more.

        One more, because the fetch under way may have read the document just before the key was
        published.
        """
        if self._fetching is not None:
            await asyncio.shield(self._fetching)  # a caller who gives up must not cancel it for the others
        if kid not in self._keys and self._now() - self._forced_at > self._forced_pause:
            self._forced_at = self._now()
            self._start_fetching()
        if kid not in self._keys and self._fetching is not None:
            await asyncio.shield(self._fetching)
        return self._keys.get(kid)

    def _start_fetching(self) -> None:
        if self._fetching is None:
            self._tried_at = self._now()
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        try:
            self._keys = parse(await self._download())
        except (httpx.HTTPError, JwksError, TimeoutError) as error:
            reason = str(error) if isinstance(error, JwksError) else type(error).__name__
            _log.warning("keys of %s not available, former ones stay: %s", self._source, reason)
        else:
            self._fetched_at = self._now()


class Jwks(KeySet):
    """RS256 keys published at *url*: https, or http to this machine. Raises JwksError.

    *allow_http* permits http to any machine, for closed networks; the rest is said by `KeySet`.
    """

    def __init__(
        self,
        url: str,
        *,
        allow_http: bool = False,
        now: Callable[[], float] = time.monotonic,
        refresh_age: float = REFRESH_AGE,
        forced_pause: float = FORCED_PAUSE,
    ) -> None:
        _check_address(url, allow_http)
        super().__init__(
            url, partial(_download, url), now=now, refresh_age=refresh_age, forced_pause=forced_pause
        )
        self.url = url


async def _download(url: str) -> bytes:
    async with (
        asyncio.timeout(TIMEOUT),
        httpx.AsyncClient(verify=authorities(), follow_redirects=False) as client,
        client.stream("GET", url, headers=HEADERS) as response,
    ):
        if response.status_code != httpx.codes.OK:
            raise JwksError(f"status {response.status_code}")
        content = await content_of(response)
        if content is None:
            raise JwksError("more than 64 KB")
        return content


def parse(document: bytes) -> dict[str, RSAPublicKey]:
    """The usable keys of a JWK set by kid: RSA of at least 2048 bits, not reserved for another use (C5).

    Raises JwksError when there is none: an issuer without keys issues nothing.
    """
    try:
        entries = json.loads(document.decode())["keys"]
        usable = [entry for entry in entries if _usable(entry)]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise JwksError("not a JWK set") from None
    keys: dict[str, RSAPublicKey] = {}
    for entry in usable:
        key = _public_key(entry)
        if key is not None:
            keys.setdefault(entry["kid"], key)  # of two keys of one name the first counts
    if not keys:
        raise JwksError("no usable key")
    return keys


def _public_key(entry: dict[str, Any]) -> RSAPublicKey | None:
    try:
        key = PyJWK(entry, "RS256").key
    except (PyJWTError, ValueError, TypeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_KEY else None


def _usable(entry: Any) -> bool:
    # RFC 7517, sections 4.2 to 4.4: use, key_ops and alg are optional.
    return (
        isinstance(entry, dict)
        and entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and _verifies(entry.get("key_ops", [_VERIFY]))
        and entry.get("alg", "RS256") == "RS256"
        and isinstance(entry.get("kid"), str)
    )


def _verifies(operations: Any) -> bool:
    return isinstance(operations, list) and _VERIFY in operations


def _check_address(url: str, allow_http: bool) -> None:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        raise JwksError(f"not an address: {url}") from None
    secure = address.scheme == "https"
    if not address.host or (address.port or 0) > _LAST_PORT or not (secure or address.scheme == "http"):
        raise JwksError(f"not an address of the web: {url}")
    if not (secure or allow_http or is_loopback(address.host)):
        raise JwksError(f"keys must be fetched over https (http only from this machine): {url}")
