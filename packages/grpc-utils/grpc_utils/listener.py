"""The server of grpc.aio with two holes closed. Used only by `server.py`.

grpc.aio 1.85 decodes the path of a method it does not know as UTF-8 in the loop that
accepts calls: one path that is not, sent by anybody, ends the server. Here such calls
arrive under one name that nobody can guess, and their path is never read. And it logs
metadata that is not UTF-8 as it came, with the token in it.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import Any, cast

import grpc
from grpc._cython.cygrpc import AioServer  # type: ignore[import-not-found]  # the stubs lack the inside
from grpc.aio._server import Server as GrpcServer

_UNKNOWN = f"/{secrets.token_hex(16)}"


def _tells_no_metadata(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Invalid encoding on")


logging.getLogger("grpc._cython.cygrpc").addFilter(_tells_no_metadata)


class _Acceptor(AioServer):  # type: ignore[misc]  # as above
    def _make_request_call_future(self, method: bytes | None) -> asyncio.Future[Any]:
        """The next call of *method*; grpc.aio asks with None for those it will decode: none."""
        if method is None:
            return asyncio.get_running_loop().create_future()
        wanted = None if method == _UNKNOWN.encode() else method
        future: asyncio.Future[Any] = super()._make_request_call_future(wanted)
        return future


class _Listener(GrpcServer):
    def __init__(self, acceptor: _Acceptor) -> None:
        self._loop, self._server = asyncio.get_running_loop(), acceptor


def listener(
    interceptor: grpc.aio.ServerInterceptor,
    unknown: "grpc.RpcMethodHandler[Any, Any]",
    options: Sequence[tuple[str, int]],
    most_calls: int,
) -> grpc.aio.Server:
    """A server whose calls pass *interceptor*; those of methods never registered go to *unknown*.

    Every method must be registered by name: generic handlers are not asked.
    """
    acceptor = _Acceptor(asyncio.get_running_loop(), None, (), (interceptor,), options, most_calls)
    acceptor.add_registered_method_handlers({_UNKNOWN: unknown})
    return cast(grpc.aio.Server, _Listener(acceptor))
