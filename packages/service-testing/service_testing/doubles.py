"""Doubles of services: real servers that serve the methods a test needs and refuse the others."""

from collections.abc import AsyncIterator
from typing import TypeVar

from grpc_utils import Context, contract_of
from grpc_utils.errors import FailedPrecondition

T = TypeVar("T", bound=type)


class NonPrevu(FailedPrecondition):
    """Ce double ne sert pas cette méthode."""


def double(kind: T) -> T:
    """Give the servicer *kind* a refusing handler for every method that it does not serve itself."""

    async def refuse(self: object, request: object, context: Context) -> None:
        raise NonPrevu

    async def refuse_stream(self: object, request: object, context: Context) -> AsyncIterator[None]:
        raise NonPrevu
        yield

    for method in contract_of(object.__new__(kind)).methods:
        if method.name not in vars(kind):
            setattr(kind, method.name, refuse_stream if method.server_streaming else refuse)
    return kind
