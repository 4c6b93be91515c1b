"""Addresses to which a browser is sent at the end of a connection (G14). Pure: text in, text out."""

from collections.abc import Collection, Iterable
from urllib.parse import unquote_plus, urlencode


def is_allowed(target: str, origins: Iterable[str]) -> bool:
    """Tell whether *target* is an address of one of *origins*.

    Both are compared as text, since browsers and libraries take addresses apart in different ways:
    after its origin comes the end, a path, a query or a fragment.
    """
    if not (target.isascii() and target.isprintable()):
        return False
    known = target.lower()
    return any(
        known == origin or known.startswith(tuple(origin + mark for mark in "/?#")) for origin in origins
    )


def with_parameters(target: str, **parameters: str) -> str:
    """The address *target* with *parameters* in its query, which replace those of the same names."""
    address, mark, fragment = target.partition("#")
    base, _, query = address.partition("?")
    kept = [pair for pair in query.split("&") if pair and not _names(pair, parameters)]
    return f"{base}?{'&'.join([*kept, urlencode(parameters)])}{mark}{fragment}"


def _names(pair: str, names: Collection[str]) -> bool:
    return unquote_plus(pair.partition("=")[0]) in names
