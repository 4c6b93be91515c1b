"""Doubles of services: real servers that serve the methods a test needs and refuse the others."""

from typing import TypeVar

from grpc_utils import Context
from grpc_utils.errors import FailedPrecondition

T = TypeVar("T", bound=type)


class NonPrevu(FailedPrecondition):
    """Ce double ne sert pas cette méthode."""


def double(kind: T) -> T:
    """Give the servicer *kind* a refusing handler for every method that it does not serve itself."""

    async def refuse(self: object, request: object, context: Context) -> None:
        raise NonPrevu

    base = kind.__mro__[1]
    for name in vars(base):
        if name[0].isupper() and name not in vars(kind):
            setattr(kind, name, refuse)
    return kind
