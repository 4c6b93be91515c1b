"""Types of settings, for the services and for user_sync, which may not import service_kit."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from grpc_utils.web import is_origin, is_secure

__all__ = [
    "Origins",
    "SecureUrl",
    "Words",
    "words",
]


def words(text: str) -> tuple[str, ...]:
    """The words between the commas of *text*, trimmed, without empty ones."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def _split(value: object) -> object:
    return words(value) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Type of a setting that is a list of words separated by commas."""


def _origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        if not is_origin(origin):
            raise ValueError(f"{origin} is no origin: write scheme://host or scheme://host:port")
    return value


Origins = Annotated[Words, AfterValidator(_origins)]
"""Type of a setting that is a list of origins of web pages (RFC 6454)."""


def _secure(url: str) -> str:
    if url and not is_secure(url):
        raise ValueError("https is needed (http only for this machine)")
    return url


SecureUrl = Annotated[str, AfterValidator(_secure)]
"""Type of a setting that is empty or an address that is safe to call: https, or http to this machine."""
