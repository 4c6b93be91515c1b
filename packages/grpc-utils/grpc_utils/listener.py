"""Server of grpc.aio that hands calls of unknown methods to our own rules. Used by `server.py`.

We do not rely on how grpc.aio 1.85 reads calls of methods that were never registered, nor on what
it writes into its log about metadata. Here such calls arrive under one name that nobody can guess,
their paths are never read, and log lines that show metadata are dropped. This stands on private
classes of grpcio: docs/decisions/0017-the-listener-stands-on-private-classes-of-grpcio.md says
what an upgrade has to check and what would make it unnecessary.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import Any, cast

import grpc
from grpc._cython.cygrpc import AioServer  # type: ignore[import-not-found]  # the stubs lack the inside
from grpc.aio._server import Server as GrpcServer

_UNKNOWN = f"/{secrets.token_hex(16)}"  # of this process; callers can neither guess nor reach it by name


def _tells_no_metadata(record: logging.LogRecord) -> bool:
    # The one line of this logger that shows metadata, and with them perhaps a token (C16).
    return not str(record.msg).startswith("Invalid encoding on")


logging.getLogger("grpc._cython.cygrpc").addFilter(_tells_no_metadata)


class _Acceptor(AioServer):  # type: ignore[misc]  # as above
    """The part of a server that waits for calls, one future for each registered method."""

    def _make_request_call_future(self, method: bytes | None) -> asyncio.Future[Any]:
        """The next call of *method*, or a future without an end for None.

        grpc.aio asks with None for calls of methods that were never registered, and would read
        their paths. Those calls come to the method `_UNKNOWN` instead.
        """
        if method is None:
            return asyncio.get_running_loop().create_future()
        wanted = None if method == _UNKNOWN.encode() else method
        future: asyncio.Future[Any] = super()._make_request_call_future(wanted)
        return future


class _Listener(GrpcServer):
    """A server around *acceptor*. The constructor of its base is not called: it would make another one."""

    def __init__(self, acceptor: _Acceptor) -> None:
        self._loop, self._server = asyncio.get_running_loop(), acceptor


def listener(
    interceptor: grpc.aio.ServerInterceptor,
    unknown: "grpc.RpcMethodHandler[Any, Any]",
    options: Sequence[tuple[str, int]],
    most_calls: int,
) -> grpc.aio.Server:
    """A server whose calls pass *interceptor*; calls of methods never registered go to *unknown*.

    Every method must be registered by name: generic handlers are not asked. At most *most_calls*
    are under way at once, more are RESOURCE_EXHAUSTED.
    """
    acceptor = _Acceptor(asyncio.get_running_loop(), None, (), (interceptor,), options, most_calls)
    acceptor.add_registered_method_handlers({_UNKNOWN: unknown})
    return cast(grpc.aio.Server, _Listener(acceptor))
