"""The settings that the embedded mode and the tests give to the services of one mesh."""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

import jwt
from db_utils import clock
from grpc_utils import KeyPair, new_key_pair

__all__ = [
    "ISSUER",
    "Secrets",
    "new_secrets",
]

ISSUER = "crm"
DEMO_ORGANISATION, DEMO_USER, DEMO_TYPE = "org-123", "demo", "UTILISATEUR"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the services of one mesh share and what each of them keeps: made once, never defaults.

    *encryption_keys* seal what is secret at rest; *pepper* keeps hashes of addresses from being guessed;
    *oauth_state* signs what comes back from the providers that people connect.
    """

    jwt_secret: str
    keys: dict[str, KeyPair] = field(default_factory=dict)
    encryption_keys: str = ""
    pepper: str = ""
    oauth_state: str = ""

    def environment(self, service: str) -> dict[str, str]:
        """The environment variables of *service*."""
        return {
            "JWT_SECRET": self.jwt_secret,
            "ENCRYPTION_KEYS": self.encryption_keys,
            "AUTH_PEPPER": self.pepper,
            "OAUTH_STATE_SECRET": self.oauth_state,
            "SERVICE_PRIVATE_KEY": self.keys[service].private,
            "SERVICE_PUBLIC_KEYS": self.public_keys,
        }

    @property
    def public_keys(self) -> str:
        """What every service knows of the others, as SERVICE_PUBLIC_KEYS spells it."""
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

        It tells his address and his type too, which services with local users ask for.
        """
        now = int(clock.timestamp())
        payload: dict[str, object] = {"iss": ISSUER, "sub": user, "iat": now, "exp": now + lifetime}
        payload |= {"email": f"{user}@example.com", "user_type": DEMO_TYPE}
        if organisation is not None:
            payload["organisation_id"] = organisation
        return jwt.encode(payload | claims, self.jwt_secret, algorithm="HS256")


def new_secrets(services: Iterable[str]) -> Secrets:
    """Fresh secrets for *services*."""
    return Secrets(
        jwt_secret=secrets.token_urlsafe(48),
        keys={name: new_key_pair() for name in services},
        encryption_keys=f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        pepper=secrets.token_urlsafe(48),
        oauth_state=secrets.token_urlsafe(48),
    )
