"""The secrets that the embedded mode and the tests give to the processes of one mesh."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import jwt
from db_utils import clock
from grpc_utils import KeyPair, new_key_pair
from pydantic_settings import BaseSettings

from service_kit.sealing import Made
from service_kit.settings import ProcessSettings

__all__ = [
    "ISSUER",
    "Secrets",
    "new_secrets",
]

ISSUER = "crm"
DEMO_ORGANISATION, DEMO_USER, DEMO_TYPE = "org-123", "demo", "UTILISATEUR"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of one mesh: made once, never defaults.

    All processes share *jwt_secret*; each has one of *keys*; *made* are the values of the settings
    that a settings class marks as `Made`, by environment variable.
    """

    jwt_secret: str
    keys: dict[str, KeyPair] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    def environment(self, process: str, settings: type[BaseSettings] = ProcessSettings) -> dict[str, str]:
        """The environment variables of *process*: of what is made, those that its *settings* declare."""
        return {
            "JWT_SECRET": self.jwt_secret,
            "SERVICE_PRIVATE_KEY": self.keys[process].private,
            "SERVICE_PUBLIC_KEYS": self.public_keys,
            **{name: self.made[name] for name in _makers(settings)},
        }

    @property
    def public_keys(self) -> str:
        """The public keys of all processes, in the form of SERVICE_PUBLIC_KEYS."""
        return ",".join(f"{name}:{pair.public}" for name, pair in self.keys.items())

    def token(
        self,
        *,
        user: str = DEMO_USER,
        organisation: str | None = DEMO_ORGANISATION,
        lifetime: int = 3600,
        **claims: object,
    ) -> str:
        """A bearer token (HS256) of *user* in *organisation* (None: without the claim).

        It carries his address too and, with an organisation, his type, because services with local users
        ask for both or neither.
        """
        now = int(clock.machine())
        payload: dict[str, object] = {"iss": ISSUER, "sub": user, "iat": now, "exp": now + lifetime}
        payload["email"] = f"{user}@example.com"
        if organisation is not None:
            payload["organisation_id"] = organisation
        if organisation:
            payload["user_type"] = DEMO_TYPE
        return jwt.encode(payload | claims, self.jwt_secret, algorithm="HS256")


def new_secrets(processes: Iterable[str], settings: Iterable[type[BaseSettings]] = ()) -> Secrets:
    """Fresh secrets for *processes*, with those that their classes of *settings* declare."""
    makers = {name: make for kind in settings for name, make in _makers(kind).items()}
    return Secrets(
        jwt_secret=secrets.token_urlsafe(48),
        keys={name: new_key_pair() for name in processes},
        made={name: make() for name, make in makers.items()},
    )


def _makers(settings: type[BaseSettings]) -> Mapping[str, Callable[[], str]]:
    """The makers of the secrets that *settings* declares, by environment variable."""
    return {
        name.upper(): mark.new
        for name, field_ in settings.model_fields.items()
        for mark in field_.metadata
        if isinstance(mark, Made)
    }
