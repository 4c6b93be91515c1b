"""Who calls: the same verification as in the services, on HTTP headers (G9)."""

import re
from collections.abc import Sequence

from grpc_utils import SERVICE_PREFIX, Authenticator, bearer_of

from gateway.exchange import Exchange
from gateway.problems import JetonServiceRequis, JetonUtilisateurRequis

SERVICE_NAME = r"^[a-z][a-z0-9_-]{1,62}$"
_SERVICE_NAME = re.compile(SERVICE_NAME)


async def prove(authenticator: Authenticator, exchange: Exchange, authorization: Sequence[str]) -> None:
    """Note in *exchange* who the bearer is. Raises a subclass of Unauthenticated."""
    exchange.identity = await authenticator.identify(authorization)
    if exchange.identity.kind != "anonymous":  # nobody has looked at that header then
        exchange.token = bearer_of(authorization)


def require_user(exchange: Exchange) -> None:
    """Refuse services. Raises JetonUtilisateurRequis."""
    if exchange.caller.kind == "service":
        raise JetonUtilisateurRequis


def require_service(exchange: Exchange, name: str) -> None:
    """Refuse everybody but service *name*, unless nobody proves anything. Raises JetonServiceRequis."""
    caller = exchange.caller
    proven = caller.kind == "anonymous" or caller.subject == SERVICE_PREFIX + name
    if not (proven and _SERVICE_NAME.fullmatch(name)):
        raise JetonServiceRequis
