"""Shapes of settings, for the services and for user_sync, which may not import service_kit."""

from typing import Annotated

from pydantic import BeforeValidator
from pydantic_settings import NoDecode


def words(text: str) -> tuple[str, ...]:
    """What stands between the commas of *text*, without empty ones."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def _split(value: object) -> object:
    return words(value) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A setting that is a list of words between commas."""
