"""Servers of doubles within a mesh; the doubles themselves are made in `doubles.py`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from grpc_utils import Address, Authenticator, Guards, Server, Tenancy, TokenVerifier, service_issuers
from service_kit.environment import Secrets


@asynccontextmanager
async def serving_double(
    name: str, servicers: Sequence[object], secrets: Secrets, address: str
) -> AsyncIterator[None]:
    """*servicers* as the service *name* of a mesh, which knows the calls of its services by *secrets*."""
    verifier = TokenVerifier(service_issuers(secrets.public_keys, name))
    guards = Guards(Authenticator(verifier), Tenancy(), None)
    server = Server(name, servicers, guards, alive=_alive, reflect=False)
    host, _, port = address.partition(":")
    await server.start(Address(host, int(port)))
    try:
        yield
    finally:
        await server.stop(0)


async def _alive() -> None: ...
