"""`crm token`: a bearer token for the mesh of this folder, without loading the kernel."""

import json
import os
import time

import jwt

from crm_cli.demo import ORGANISATION, demo_token
from crm_cli.home import CommandError, Home

__all__ = [
    "signed_token",
]

_USER, _LIFETIME = "demo", 3600


def token(
    home: Home, *, user: str | None = None, organisation: str | None = None, lifetime: int | None = None
) -> str:
    """A token of the demo account, if it can sign in and nothing else is asked for; else one made here.

    Raises CommandError.
    """
    state = home.state()
    if state is not None and state.demo and (user, organisation, lifetime) == (None, None, None):
        return demo_token(home, state)
    return signed_token(
        home,
        user=user or _USER,
        organisation=ORGANISATION if organisation is None else organisation,
        lifetime=lifetime or _LIFETIME,
    )


def signed_token(home: Home, *, user: str, organisation: str, lifetime: int) -> str:
    """A token of *user* in *organisation* ("": without the claim and a type), valid *lifetime* seconds.

    Signed with JWT_SECRET, else with what the running mesh was started with, else with the
    secret of the folder. Raises CommandError when that one cannot be read.
    """
    now = int(time.time())
    issuer = os.environ.get("JWT_SECRET_ISSUER") or "crm"
    claims: dict[str, object] = {"iss": issuer, "sub": user, "iat": now, "exp": now + lifetime}
    claims["email"] = f"{user}@example.com"
    if organisation:  # services with local users ask for both or neither
        claims |= {"organisation_id": organisation, "user_type": "UTILISATEUR"}
    return jwt.encode(claims, _secret(home), algorithm="HS256")


def service_token(home: Home, caller: str, callee: str) -> str:
    """The proof, for a minute, with which the service *caller* calls *callee* (C5).

    Signed with the key of the mesh here. Raises CommandError when one of them is unknown.
    """
    from grpc_utils import ServiceSigner

    from crm_cli.keys import secrets_of

    keys = secrets_of(home).keys
    if unknown := [name for name in (caller, callee) if name not in keys]:
        raise CommandError(f"{unknown[0]} is none of the services: {', '.join(sorted(keys))}")
    return ServiceSigner(caller, keys[caller].private).token(callee, None)


def _secret(home: Home) -> str:
    if given := os.environ.get("JWT_SECRET"):
        return given
    if state := home.state():
        return state.jwt_secret
    try:
        return str(json.loads((home.folder / "secrets.json").read_text())["jwt_secret"])
    except (OSError, ValueError, KeyError, TypeError):
        from crm_cli.keys import secrets_of  # makes them, or says what is wrong with them

        return secrets_of(home).jwt_secret
