"""Calls from the gateway to services: their deadlines, their identity, their repetition."""

from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Final, TypeVar

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import AUTHORIZATION
from grpc_utils.errors import DependanceIndisponible

T = TypeVar("T")

# Seconds that each call may take.
USUAL: Final = 5.0
LOGIN_PATIENCE: Final = 6.0
CALLBACK_PATIENCE: Final = 12.0
WEBHOOK_PATIENCE: Final = 4.0
PROFILE_PATIENCE: Final = 2.0
KEYS_PATIENCE: Final = 1.0


def bearer(token: str) -> list[tuple[str, str]]:
    """Metadata of a call that is made as the user of *token*; empty without a token."""
    return [(AUTHORIZATION, f"Bearer {token}")] if token else []


async def at_most_twice(call: Callable[[], Awaitable[T]]) -> T:
    """Make *call*, and once more when its callee could not be reached; not after silence.

    Only for calls that change nothing or may be repeated.
    """
    try:
        return await call()
    except DependanceIndisponible as error:
        cause = error.__cause__
        if isinstance(cause, grpc.aio.AioRpcError) and cause.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            raise
        return await call()


def instant(moment: Timestamp) -> str:
    """Text of *moment* for clients (RFC 3339, UTC, whole seconds)."""
    return moment.ToDatetime(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
