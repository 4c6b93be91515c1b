"""The port to the providers: what the service asks of any of them.

The adapters are in `fournisseurs/`; nothing here or there knows of tables, users or states.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

MAIL: Final = "mail"
PROFIL: Final = "profil"  # what tokens are used for (R23)


@dataclass(frozen=True, slots=True)
class Jetons:
    """What a provider hands out; a text it did not give is empty.

    Of the permissions that usages need, those that the answer tells: *granted* or *withheld* (R23).
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    token_type: str = ""  # usually Bearer
    scope: str = ""  # space-separated
    expires_in: int | None = None  # seconds; None = never
    granted: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Profil:
    """Whose account it is, in the words of the provider."""

    account_id: str
    nom_affiche: str
    metadata: Mapping[str, str]


class FournisseurOAuth(Protocol):
    """One provider; *usages* are what its tokens are good for, the usual one first, with what each needs.

    What needs the network raises refusals.NetworkError, ApiError or TimeoutError when the provider
    cannot be had, and FournisseurRefuse when it has said no.
    """

    code: str
    nom: str
    pkce: bool
    actif: bool
    usages: Mapping[str, str]  # the permission by usage, "" for none

    def authorize_url(self, state: str, code_challenge: str) -> str:
        """Where the browser goes; *code_challenge* (S256) is left out by a provider without PKCE.

        Raises OauthInitError when the provider is on and its secret or callback is not configured.
        """

    async def exchange_code(self, code: str, code_verifier: str) -> Jetons:
        """The tokens for *code*, sent again only when the code has surely not been used (R9)."""

    async def get_profile(self, access_token: str) -> Profil:
        """Whose token it is. Raises ApiError also when the answer names no account."""

    async def refresh(self, refresh_token: str) -> Jetons:
        """New tokens. An empty refresh_token in the answer means that the former one stays good."""

    async def revoke(self, token: str) -> bool:
        """Whether the provider has confirmed that *token* has ended: one try, 3 s, never raises (R16)."""
