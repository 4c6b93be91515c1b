"""Asking for a refusal: tests compare how a call is refused with what they expect, in one line."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

_DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status of a refused call, read from the wire (C7); what its details lack is empty.

    *fields* are those that its BadRequest names.
    """

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    metadata: Mapping[str, str]
    fields: tuple[str, ...]


async def refusal(call: Awaitable[object]) -> Refusal:
    """How *call* is refused. Raises AssertionError if it is not."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return read(error)
    raise AssertionError(f"answered {answer!r}")


async def refused(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    """The status code and the reason with which *call* is refused. Raises AssertionError if it is not."""
    read = await refusal(call)
    return read.code, read.reason


async def code_of(call: Awaitable[object]) -> grpc.StatusCode:
    """How *call* ended, for tests that allow several ends."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def read(error: grpc.aio.AioRpcError) -> Refusal:
    """What *error* tells its caller."""
    status, info, bad_request = Status(), ErrorInfo(), BadRequest()
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            status.ParseFromString(value)
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
    return Refusal(
        code=error.code(),
        message=error.details() or "",
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        fields=tuple(violation.field for violation in bad_request.field_violations),
    )
