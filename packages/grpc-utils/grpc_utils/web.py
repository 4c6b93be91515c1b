"""Precautions of requests over the web: addresses, certificate authorities, the size of answers.

`jwks.py` fetches keys with them, `service_kit.outside` calls outside parties.
"""

import ssl
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import httpx

__all__ = [
    "HEADERS",
    "LARGEST",
    "authorities",
    "content_of",
    "is_loopback",
    "is_origin",
    "is_secure",
]

LARGEST: Final = 64 * 1024  # bytes of an answer, unless its caller says otherwise
_LAST_PORT = 65535
# identity: answers are read as they were sent, see `content_of`.
HEADERS: Final[Mapping[str, str]] = {"accept": "application/json", "accept-encoding": "identity"}


def is_secure(url: str) -> bool:
    """Whether *url* is https, or http to this machine; a text that is no address is not."""
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    if not address.host or (address.port or 0) > _LAST_PORT:
        return False
    return address.scheme == "https" or (address.scheme == "http" and is_loopback(address.host))


def is_loopback(host: str) -> bool:
    """Whether *host* is `localhost` or a loopback address; names are not looked up."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_origin(text: str) -> bool:
    """Whether *text* is an origin as browsers write it (RFC 6454): scheme, host, perhaps a port."""
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return False
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return parts.scheme in ("http", "https") and text == f"{parts.scheme}://{host}{port}" and "*" not in text


async def content_of(response: httpx.Response, largest: int = LARGEST) -> bytes | None:
    """The bytes of a streamed *response* as they were sent, None when there are more than *largest*.

    They are not decompressed, so that the limit holds for what is kept. Raises httpx.HTTPError.
    """
    content = b""
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > largest:
            return None
    return content


@cache
def authorities() -> ssl.SSLContext:
    """The certificate authorities that httpx trusts. Reading them takes 20 ms, so it is done once."""
    return httpx.create_ssl_context()
