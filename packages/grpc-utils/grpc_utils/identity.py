"""Identity of the caller: the pipeline sets that of each call, handlers read it here."""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

SERVICE_PREFIX = "service:"


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified caller.

    *organisation_id* is None when the token has no organisation claim, and "" when it has
    an empty one. *expires_at* and *issued_at* are Unix seconds. A service acts for
    *on_behalf_of*, the user id whose call it serves, or for itself ("").
    """

    kind: Literal["user", "service", "anonymous"]
    subject: str
    organisation_id: str | None = None
    expires_at: float = 0.0
    issued_at: float = 0.0
    token_id: str = ""
    issuer: str = ""
    on_behalf_of: str = ""
    claims: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def user_id(self) -> str:
        """The user behind the call: the caller, or the user for whom a service calls ("" for none)."""
        return self.on_behalf_of if self.kind == "service" else self.subject

    @property
    def author(self) -> str:
        """Who is noted as the author of a change: the user behind the call, else the service itself."""
        return self.user_id or self.subject


ANONYMOUS: Final = Identity(kind="anonymous", subject="anonyme")

# None outside a call, in jobs and consumers. Only the pipeline sets it.
current_caller: ContextVar[Identity | None] = ContextVar("caller", default=None)


def caller() -> Identity:
    """The identity of the current call. Raises LookupError outside a call."""
    identity = current_caller.get()
    if identity is None:
        raise LookupError("no identity: this code does not run inside an authenticated call")
    return identity
