"""An outside party on a free port: a real HTTP server that is slow, down, and back at its address.

uvicorn speaks HTTP, starlette reads requests and writes answers. What no HTTP server would send
goes past both of them as `Raw`, and nowhere else.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qsl

import uvicorn
from starlette import requests
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client has asked: the parameters of its query and of its form together.

    *headers* have lower-case names. *body* is what came with it, a form too.
    """

    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


class Raw(Response):
    """Bytes in the place of an answer, as they are; then the line is closed. Without any it hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        transport: asyncio.Transport = scope["state"]["transport"]
        transport.write(bytes(self.body))
        transport.close()
        await receive()  # uvicorn would answer for an application that ends before the line is closed


class HttpParty(ABC):
    """A party whose *port* is known once it has started; `requests` are those it got, in order.

    *delay* is what each answer takes, in seconds.
    """

    def __init__(self) -> None:
        self.port, self.delay = 0, 0.0
        self.requests: list[Request] = []
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._state = ServerState()
        self._config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
        )

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Answer no request before the end."""
        self._flowing.clear()
        try:
            yield
        finally:
            self._flowing.set()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Refuse connections."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    async def start(self) -> None:
        """Listen, at the former port if there was one."""
        # Without uvicorn.Server, which waits a tenth of a second before it stops.
        connection = partial(_Connection, self._config, self._state, {})
        self._server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, and close the connections on which nothing is under way."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for connection in tuple(self._state.connections):
            connection.shutdown()

    @abstractmethod
    def _answer(self, request: Request) -> Response:
        """The answer to *request*."""

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(requests.Request(scope, receive))
        self.requests.append(request)
        await self._flowing.wait()
        await asyncio.sleep(self.delay)
        await self._answer(request)(scope, receive, send)


class _Connection(H11Protocol):
    """A connection that applications can write to, for `Raw`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.app_state = {"transport": transport}


async def _read(request: requests.Request) -> Request:
    """*request* with its body; a form is read as well."""
    body = await request.body()
    is_form = request.headers.get("content-type", "").startswith(_FORM)
    form = dict(parse_qsl(body.decode())) if is_form else {}
    parameters = {**request.query_params, **form}
    return Request(request.method, request.url.path, parameters, dict(request.headers), body)
