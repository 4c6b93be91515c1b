"""The port to the providers: the operations that the service asks of any of them.

The adapters are in `providers/`; nothing here or there knows of tables, users or states.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

MAIL: Final = "mail"
PROFIL: Final = "profil"  # usages of tokens (R23)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a provider's answer; texts that it does not hold are empty.

    *granted* and *withheld* are those permissions for usages about which the answer says something (R23).
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    token_type: str = ""  # usually Bearer
    scope: str = ""  # space-separated
    expires_in: int | None = None  # seconds; None = never
    granted: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Profile:
    """An account at a provider, in the words of the provider."""

    account_id: str
    nom_affiche: str
    metadata: Mapping[str, str]


class Adapter(Protocol):
    """A provider, as the service sees it.

    *usages* gives the permission that each use of its tokens needs, the usual use first. Methods that
    need the network raise refusals.NetworkError, ApiError or TimeoutError when the provider is out of
    reach, and ProviderRefused when it says no.
    """

    code: str
    nom: str
    pkce: bool
    actif: bool
    usages: Mapping[str, str]  # permission by usage, "" for none

    def authorize_url(self, state: str, code_challenge: str) -> str:
        """The address to which the browser goes; a provider without PKCE leaves out *code_challenge* (S256).

        Raises OauthInitError when the provider is on and its secret or callback is not configured.
        """

    async def exchange_code(self, code: str, code_verifier: str) -> Tokens:
        """Exchange *code* for tokens; it is sent again only when it was surely not used (R9)."""

    async def get_profile(self, access_token: str) -> Profile:
        """The account of a token. Raises ApiError also when the answer names no account."""

    async def refresh(self, refresh_token: str) -> Tokens:
        """Ask for new tokens; an answer without refresh_token leaves the former one good."""

    async def revoke(self, token: str) -> bool:
        """Ask the provider to end *token*; return whether it confirms. One try, 3 s, raises nothing (R16)."""
