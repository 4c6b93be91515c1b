"""Facts about one request while it passes through, kept in its ASGI scope."""

import time
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grpc_utils import Identity

Scope = MutableMapping[str, Any]
_KEY = "gateway.exchange"


@dataclass(slots=True)
class Exchange:
    """A request: its *route* in the table of policies ("" for none), its sender, his proof.

    *path* is what endpoints match, its parameters still encoded (`routes.py`). *token* is the
    bearer token behind *identity*; *started* is in seconds of perf_counter.
    """

    route: str
    path: str
    correlation: str
    address: str
    user_agent: str
    identity: Identity | None = None
    token: str = ""
    started: float = field(default_factory=time.perf_counter)

    @property
    def caller(self) -> Identity:
        """The caller who has proved himself; only for routes whose policy asks for a proof."""
        assert self.identity is not None
        return self.identity


def keep(scope: Scope, exchange: Exchange) -> None:
    """Put *exchange* into *scope*, where every layer finds it."""
    scope[_KEY] = exchange


def exchange_of(scope: Scope) -> Exchange:
    """The exchange that *scope* belongs to."""
    exchange: Exchange = scope[_KEY]
    return exchange


def headers_of(scope: Scope, name: str) -> Sequence[str]:
    """The values of all headers *name* (lower case), in order."""
    wanted = name.encode()
    return [value.decode("latin-1") for key, value in scope["headers"] if key == wanted]


def header_of(scope: Scope, name: str) -> str:
    """The value of the only header *name*, "" when there is none or more than one."""
    values = headers_of(scope, name)
    return values[0] if len(values) == 1 else ""


def accepts(scope: Scope, kind: str) -> bool:
    """Tell whether the client names content type *kind* in Accept.

    Wildcards do not count: programs that want JSON name it, browsers that show a page name HTML.
    """
    kinds = ",".join(headers_of(scope, "accept")).split(",")
    return kind in {one.partition(";")[0].strip().lower() for one in kinds}
