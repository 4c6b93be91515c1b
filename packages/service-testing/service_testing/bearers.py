"""Client interceptors with which the calls of a channel carry a token."""

from collections.abc import Callable
from typing import Any

import grpc


def bearers(token: Callable[[], str], organisation: str = "") -> list[grpc.aio.ClientInterceptor]:
    """Interceptors that add *token* to calls: one for each kind, because grpc.aio asks none for two."""
    more = [("x-organisation-id", organisation)] if organisation else []

    def proven(details: Any) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), ("authorization", f"Bearer {token()}"), *more)
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )

    return [kind(proven) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary)]


class _UnaryUnary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, proven: Callable[[Any], grpc.aio.ClientCallDetails]) -> None:
        self._proven = proven

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(self._proven(details), request)


class _UnaryStream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, proven: Callable[[Any], grpc.aio.ClientCallDetails]) -> None:
        self._proven = proven

    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(self._proven(details), request)


class _StreamUnary(grpc.aio.StreamUnaryClientInterceptor):
    def __init__(self, proven: Callable[[Any], grpc.aio.ClientCallDetails]) -> None:
        self._proven = proven

    async def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        return await continuation(self._proven(details), requests)
