"""People who sign in, for the tests of this folder."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import jwt
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub
from crm.users import users_pb2
from grpc import StatusCode
from service_testing import refused
from service_testing.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider

PASSWORD, WRONG = "une phrase de passe", "un autre mot de passe"
INVALID = (StatusCode.UNAUTHENTICATED, "IDENTIFIANTS_INVALIDES", "Identifiants invalides")
CALLBACK = "http://127.0.0.1:5000/api/auth/google/callback"
OTHER_CALLBACK = "http://localhost:5000/api/auth/google/callback"
_numbers = count(1)


def new_email() -> str:
    """An email address that no test has used."""
    return f"personne-{next(_numbers)}@exemple.fr"


def new_ip() -> str:
    """A private IP address that no test has used (RFC 1918)."""
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@dataclass(frozen=True, slots=True)
class Someone:
    """A person with an account, who calls from an address of his own."""

    utilisateur: users_pb2.Utilisateur
    ip: str

    @property
    def id(self) -> str:
        """The id of the account."""
        return self.utilisateur.id

    @property
    def email(self) -> str:
        """The address of the account."""
        return self.utilisateur.email

    def login(self, password: str = PASSWORD, **changes: str) -> pb.LoginRequest:
        """The request that the person's sign-in makes, with *changes*."""
        typed = {"email": self.email, "mot_de_passe": password, "ip": self.ip, "user_agent": "Firefox"}
        return pb.LoginRequest(**(typed | changes))


MakeSomeone = Callable[..., Awaitable[Someone]]
AsHolder = Callable[[str], AuthServiceStub]


async def guess(auth: AuthServiceStub, somebody: Someone, times: int) -> list[tuple[StatusCode, str]]:
    """Codes and reasons with which *times* wrong passwords are refused, one after the other."""
    return [await refused(auth.Login(somebody.login(WRONG))) for _ in range(times)]


def read(token: str) -> dict[str, Any]:
    """The claims of *token*."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def settings_with(provider: OidcProvider) -> dict[str, Any]:
    """Settings of the mesh: cheap hashes, keys that sign at once, *provider* in the place of Google."""
    return {
        "bcrypt_cost": 4,
        "jwt_key_lead_s": 0,
        "google_client_id": CLIENT_ID,
        "google_client_secret": CLIENT_SECRET,
        "google_redirect_uris": f"{CALLBACK}, {OTHER_CALLBACK}",
        "google_discovery_url": provider.discovery_url,
        "google_timeout_s": 0.5,
    }
