"""What a refused call says, read from the wire as a client library reads it (C7)."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

_DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Refused:
    """The status of a refused call; the parts that its details lack are empty.

    *fields* are those that its BadRequest names.
    """

    code: grpc.StatusCode
    message: str
    reason: str
    domain: str
    metadata: Mapping[str, str]
    fields: tuple[str, ...]


async def refused(call: Awaitable[object]) -> Refused:
    """How *call* was refused. Raises AssertionError when it was answered."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return _read(error)
    raise AssertionError(f"not refused: {answer}")


async def code_of(call: Awaitable[object]) -> grpc.StatusCode:
    """How *call* ended, for tests that allow several ends."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def _read(error: grpc.aio.AioRpcError) -> Refused:
    status, info, bad_request = Status(), ErrorInfo(), BadRequest()
    status.ParseFromString(bytes(dict(error.trailing_metadata()).get(_DETAILS, b"")))
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
    return Refused(
        code=error.code(),
        message=error.details() or "",
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        fields=tuple(violation.field for violation in bad_request.field_violations),
    )
