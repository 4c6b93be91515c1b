"""Public keys of a token issuer over HTTP: fetched once, kept while the issuer is away.

One request at a time whatever the number of waiting calls; keys older than the refresh
age are served while they are fetched again in the background; an unknown key id forces a
fetch at most once per ten seconds.
"""

import asyncio
import ipaddress
import json
import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWKError

_log = logging.getLogger(__name__)

REFRESH_AGE = 600.0  # seconds after which keys are fetched again in the background
FORCED_PAUSE = 10.0  # seconds between two fetches forced by unknown key ids
TIMEOUT = 3.0
LARGEST = 64 * 1024
SMALLEST_KEY = 2048  # bits (RFC 8725 section 3.5 asks for adequate keys; NIST SP 800-131A)


class JwksError(Exception):
    """The address or the document is not acceptable; the text says why."""


class Jwks:
    """The RS256 keys published at *url*: https, or http to this machine.

    *allow_http* lifts that rule for closed networks.
    """

    def __init__(self, url: str, *, allow_http: bool = False) -> None:
        _check_address(url, allow_http)
        self.url = url
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def key(self, kid: str) -> RSAPublicKey | None:
        """The key named *kid*, None when the issuer does not publish it (or cannot be asked)."""
        now = time.monotonic()
        known = self._keys.get(kid)
        if known is not None:
            if now - self._fetched_at > REFRESH_AGE and now - self._tried_at > FORCED_PAUSE:
                self._start_fetching()
            return known
        if self._fetching is not None or now - self._tried_at > FORCED_PAUSE:
            await asyncio.shield(self._start_fetching())
        return self._keys.get(kid)

    def _start_fetching(self) -> asyncio.Task[None]:
        if self._fetching is None:
            self._tried_at = time.monotonic()
            self._fetching = asyncio.get_running_loop().create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        return self._fetching

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self) -> None:
        try:
            self._keys = parse(await _download(self.url))
        except (httpx.HTTPError, JwksError, TimeoutError) as error:
            _log.warning("keys of %s not available, former ones stay: %s", self.url, type(error).__name__)
        else:
            self._fetched_at = time.monotonic()


async def _download(url: str) -> bytes:
    async with (
        asyncio.timeout(TIMEOUT),
        httpx.AsyncClient(follow_redirects=False) as client,
        client.stream("GET", url, headers={"accept": "application/json"}) as response,
    ):
        if response.status_code != httpx.codes.OK:
            raise JwksError(f"status {response.status_code}")
        content = b""
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > LARGEST:
                raise JwksError("more than 64 KB")
        return content


def parse(document: bytes) -> dict[str, RSAPublicKey]:
    """The usable keys of a JWK set by kid: RSA, for signatures, at least 2048 bits."""
    try:
        entries = json.loads(document)["keys"]
        usable = [entry for entry in entries if _usable(entry)]
    except (ValueError, TypeError, KeyError) as error:
        raise JwksError("not a JWK set") from error
    keys: dict[str, RSAPublicKey] = {}
    for entry in usable:
        try:
            key = PyJWK(entry, "RS256").key
        except PyJWKError:
            continue
        if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_KEY:
            keys.setdefault(entry["kid"], key)
    return keys


def _usable(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.get("kty") == "RSA"
        and entry.get("use") == "sig"
        and entry.get("alg", "RS256") == "RS256"
        and isinstance(entry.get("kid"), str)
        and "d" not in entry
    )


def _check_address(url: str, allow_http: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and (allow_http or _loopback(parts.hostname))):
        return
    raise JwksError(f"keys must be fetched over https (http only from this machine): {url}")


def _loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
