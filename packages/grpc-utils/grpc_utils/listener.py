"""The server of grpc.aio, with calls of unknown methods answered by our own rules. Used only by `server.py`.

We do not rely on how grpc.aio 1.85 reads calls of methods that were never registered, nor on what
it writes into its log about metadata. Such calls arrive here under one name that nobody can guess,
their paths are never read, and the lines that show metadata are dropped.
docs/decisions/0017 says what would make this unnecessary.
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
        """The next call of *method*; for None, which is asked for unknown methods, there is never one."""
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
