"""Asking for a refusal: tests compare the code and the machine reason of a call in one line."""

from collections.abc import Awaitable

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

_DETAILS = "grpc-status-details-bin"


async def refused(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    """The status code and the reason with which *call* is refused. Raises AssertionError if it is not."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return error.code(), _reason(error)
    raise AssertionError(f"answered {answer!r}")


def _reason(error: grpc.aio.AioRpcError) -> str:
    info = ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            Status.FromString(value).details[0].Unpack(info)
    reason: str = info.reason
    return reason
