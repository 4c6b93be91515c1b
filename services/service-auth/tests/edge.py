"""What services reach of the gateway: the address at which our public keys are published."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import TokenServiceStub
from service_kit.testing.issuer import http_reply

PATH = "/.well-known/jwks.json"


class Edge:
    """A server that passes the keys of *tokens* on, asking for them each time."""

    def __init__(self) -> None:
        self.tokens: TokenServiceStub | None = None
        self.port = 0

    @property
    def jwks_url(self) -> str:
        """Where the keys are."""
        return f"http://127.0.0.1:{self.port}{PATH}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            await reader.readuntil(b"\r\n\r\n")
            assert self.tokens is not None
            keys = await self.tokens.GetJwks(pb.GetJwksRequest())
            writer.write(http_reply(200, keys.jwks.encode(), "content-type: application/json"))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client went away, which is its right
        finally:
            writer.close()


@asynccontextmanager
async def edge() -> AsyncIterator[Edge]:
    """A running edge; give it `tokens` before anybody asks."""
    running = Edge()
    server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()
        await server.wait_closed()
