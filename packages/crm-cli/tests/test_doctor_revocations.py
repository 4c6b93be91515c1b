"""`crm doctor`: which processes do not know the revoked tokens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from crm_cli.doctor import services
from crm_cli.doctor.findings import Level
from grpc_utils import Address, Authenticator, Guards, Server, Tenancy
from service_kit.embedded import free_port
from service_kit.revocations import HEALTH
from service_testing.party import HttpParty, Request
from starlette.responses import JSONResponse, Response


class Edge(HttpParty):
    """Tells of its readiness whether it is *in_step*."""

    def __init__(self, in_step: bool) -> None:
        super().__init__()
        self._in_step = in_step

    def _answer(self, request: Request) -> Response:
        return JSONResponse({"revocations": "ok" if self._in_step else "behind"}, 503)


@asynccontextmanager
async def speaking(in_step: bool) -> AsyncIterator[tuple[str, str]]:
    """The addresses of a service and of an edge, which say whether they know the revoked tokens."""
    guards = Guards(Authenticator(None), Tenancy(), None)
    parts = {HEALTH: lambda: in_step}
    server = Server("clients", [], guards, alive=partial(asyncio.sleep, 0), reflect=False, parts=parts)
    port = await server.start(Address("127.0.0.1", 0))
    edge = Edge(in_step)
    await edge.start()
    try:
        yield f"127.0.0.1:{port}", f"127.0.0.1:{edge.port}"
    finally:
        await server.stop(0)
        await edge.stop()


@pytest.mark.parametrize("in_step", [True, False])
async def test_C17_who_has_not_heard_of_revocations_is_named(in_step: bool) -> None:
    """Services by their health, edges by what they say of their readiness; the silent ones are not."""
    async with speaking(in_step) as (service, edge):
        nowhere = f"127.0.0.1:{free_port()}"
        found = await asyncio.to_thread(
            services.revocations, {"clients": service, "email": nowhere}, {"gateway": edge, "other": nowhere}
        )
    assert (found.level, found.fact) == (
        (Level.OK, "2 processes know the revoked tokens")
        if in_step
        else (
            Level.FAIL,
            "clients, gateway: for more than 5 s neither the bucket was followed nor auth heard",
        )
    )
