"""Answers of providers, read into values that are safe to keep and to send (R27)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from service_integrations.adapter import Tokens

Content = Mapping[str, Any]

# Visible ASCII: RFC 6749 appendix A.12 without the space, which would end the token in a header.
_TOKEN = re.compile(r"[\x21-\x7e]{1,8192}")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_SECONDS = re.compile(r"[1-9][0-9]{0,8}")
_LONGEST_ID = _LONGEST_NAME = 255
_LONGEST_SCOPE = 4096


class Unreadable(Exception):
    """An answer in which the promised value is missing or malformed."""


def token(content: Content, name: str) -> str:
    """A token, or another word of the protocol, in the field *name*. Raises Unreadable."""
    value = content.get(name)
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise Unreadable
    return value


def token_if_any(content: Content, name: str) -> str:
    """A token in the field *name*, "" when the field is missing or empty. Raises Unreadable."""
    return token(content, name) if content.get(name) else ""


def identifier(content: Content, name: str) -> str:
    """The id of an account in the field *name*, a text or a number. Raises Unreadable."""
    value = content.get(name)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text or len(text) > _LONGEST_ID or not text.isprintable():
        raise Unreadable
    return text


def shown(text: str, longest: int = _LONGEST_NAME) -> str:
    """The printable part of *text*, cut to *longest* characters."""
    return "".join(filter(str.isprintable, text)).strip()[:longest]


def first_shown(content: Content, names: Iterable[str]) -> str:
    """The first text for people among the fields *names*, "" when none is left."""
    values = (content.get(name) for name in names)
    return next(filter(None, (shown(value) for value in values if isinstance(value, str))), "")


def scope(permissions: object) -> str:
    """The permissions, space-separated, from a text like that or from a list."""
    names = permissions if isinstance(permissions, list) else str(permissions or "").split()
    return shown(" ".join(map(str, names)), _LONGEST_SCOPE)


def tokens(content: Content) -> Tokens:
    """The tokens of an answer in the form of RFC 6749 section 5.1, for bearers. Raises Unreadable."""
    kind = token_if_any(content, "token_type")
    if kind.lower() not in ("", "bearer"):
        raise Unreadable
    return Tokens(
        access_token=token(content, "access_token"),
        refresh_token=token_if_any(content, "refresh_token"),
        token_type=kind,
        scope=scope(content.get("scope")),
        expires_in=_seconds(content.get("expires_in")),
    )


def error_of(content: Content, status: int) -> str:
    """The code of a provider's refusal, `http_<status>` when it gives none that is safe to repeat."""
    error = content.get("error")
    found = (error.get("code"), error.get("type")) if isinstance(error, dict) else (error,)
    told = (*found, content.get("error_type"))
    return next((text for text in told if isinstance(text, str) and _CODE.fullmatch(text)), f"http_{status}")


def _seconds(value: object) -> int | None:
    """The life of a token in seconds, None for ever. Raises Unreadable."""
    if value is None:
        return None
    if not _SECONDS.fullmatch(str(value)):
        raise Unreadable
    return int(str(value))


def judged(tokens: Tokens, needed: Iterable[str], asked: str) -> Tokens:
    """The same *tokens*, with those *needed* permissions that the answer grants or withholds (R23).

    A request that *asked* for scopes is answered about these; without a scope in the answer, all
    of them are granted (RFC 6749 section 5.1). A request without scopes is for all that was granted
    before: its answer speaks of the scopes that it names, or of none.
    """
    told = frozenset((tokens.scope or asked).split())
    if not told:
        return tokens
    open_ = frozenset(needed) & frozenset(asked.split()) if asked else frozenset(needed)
    return replace(tokens, granted=open_ & told, withheld=open_ - told)
