"""Proof of the caller: the verification of the services, on HTTP headers (G9)."""

import re
from collections.abc import Sequence

from grpc_utils import SERVICE_PREFIX, Authenticator, bearer_of

from gateway.exchange import Exchange
from gateway.problems import JetonServiceRequis, JetonUtilisateurRequis

SERVICE_NAME = r"^[a-z][a-z0-9_-]{1,62}$"
_SERVICE_NAME = re.compile(SERVICE_NAME)


async def prove(authenticator: Authenticator, exchange: Exchange, authorization: Sequence[str]) -> None:
    """Verify the bearer and note him in *exchange*. Raises a subclass of Unauthenticated."""
    exchange.identity = await authenticator.identify(authorization)
    if exchange.identity.kind != "anonymous":  # AUTH_ENABLED=false: the header was not verified
        exchange.token = bearer_of(authorization)


def require_user(exchange: Exchange) -> None:
    """Refuse services. Raises JetonUtilisateurRequis."""
    if exchange.caller.kind == "service":
        raise JetonUtilisateurRequis


def require_service(exchange: Exchange, name: str) -> None:
    """Refuse everybody but service *name*. Raises JetonServiceRequis.

    With AUTH_ENABLED=false nobody proves anything, and any well-formed *name* passes.
    """
    caller = exchange.caller
    proven = caller.kind == "anonymous" or caller.subject == SERVICE_PREFIX + name
    if not (proven and _SERVICE_NAME.fullmatch(name)):
        raise JetonServiceRequis
