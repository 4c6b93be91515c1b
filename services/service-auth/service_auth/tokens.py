"""Our own tokens: their claims (pure), and their signature (R8)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import jwt
from crm.auth.auth_pb2 import OrganisationAccessible
from crm.users.users_pb2 import ChoisirMembreResponse, Utilisateur
from db_utils import uuid7
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import timestamp

from service_auth.keys import Keyring
from service_auth.settings import AuthSettings

_LONGEST_PICTURE = 1024  # characters; a token is sent with each call

Amr = Literal["pwd", "google"]


@dataclass(frozen=True, slots=True)
class Compte:
    """Subject of a token: a person, his organisation ("" for none) and his role there.

    *organisations* are those that his tokens may name.
    """

    utilisateur: Utilisateur
    organisation_id: str = ""
    role: str = ""
    organisations: tuple[OrganisationAccessible, ...] = ()

    @classmethod
    def chosen(cls, person: Utilisateur, choice: ChoisirMembreResponse, former: str = "") -> "Compte":
        """Build the account from the *choice* of users; *former* wins while he is active there (R23)."""
        organisations = tuple(
            OrganisationAccessible(organisation_id=one.organisation_id, nom=one.nom, role=one.role)
            for one in choice.organisations
        )
        kept = [one for one in organisations if one.organisation_id == former]
        chosen = kept[0] if kept else choice.membre
        return cls(person, chosen.organisation_id, chosen.role, organisations)


@dataclass(frozen=True, slots=True)
class Session:
    """Way and time (Unix seconds) of a sign-in."""

    amr: str
    auth_time: int

    @classmethod
    def begun(cls, amr: Amr, now: datetime) -> "Session":
        """A session that begins *now*."""
        return cls(amr, int(now.timestamp()))


@dataclass(frozen=True, slots=True)
class Jeton:
    """A signed token, with its end."""

    texte: str
    expire_le: Timestamp


def claims(compte: Compte, session: Session, issued_at: datetime, ttl: int) -> dict[str, Any]:
    """Claims of a token besides iss and aud; *ttl* is in seconds.

    iat has microseconds (RFC 7519 allows them), so that the revocation of all former tokens of
    a user lets the one made at the same instant live.
    """
    person, iat = compte.utilisateur, issued_at.timestamp()
    return {
        "sub": person.id,
        "userId": person.id,
        "email": person.email,
        "given_name": person.prenom,
        "family_name": person.nom,
        "picture": person.photo_url if len(person.photo_url) <= _LONGEST_PICTURE else "",
        "organisation_id": compte.organisation_id,
        "user_type": person.type_utilisateur,
        "role": compte.role,
        "amr": [session.amr],
        "auth_time": session.auth_time,
        "iat": iat,
        "nbf": iat,
        "exp": iat + ttl,
        "jti": str(uuid7()),
    }


class Mint:
    """Maker of tokens, signed with the current key."""

    def __init__(self, keyring: Keyring, settings: AuthSettings) -> None:
        self._keyring, self._ttl = keyring, settings.jwt_ttl_s
        self._fixed = {"iss": settings.jwt_issuer, "aud": settings.jwt_audience}

    async def jeton(self, compte: Compte, session: Session, issued_at: datetime) -> Jeton:
        """Sign a token for *compte*.

        *issued_at* is the instant before anything was checked: a password that changes during a
        sign-in thus voids the token of that sign-in.
        """
        kid, key = await self._keyring.signing()
        payload = self._fixed | claims(compte, session, issued_at, self._ttl)
        text = jwt.encode(payload, key, algorithm="RS256", headers={"kid": kid})
        return Jeton(text, timestamp(datetime.fromtimestamp(payload["exp"], UTC)))
