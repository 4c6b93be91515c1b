"""Metadata of a call: those that the pipeline looks at, read in one pass."""

from typing import NamedTuple

from grpc.aio import ServicerContext

AUTHORIZATION = "authorization"
CORRELATION = "x-correlation-id"
ORGANISATION = "x-organisation-id"
IDEMPOTENCY_KEY = "idempotency-key"


class Headers(NamedTuple):
    """Metadata that a caller has sent with the request.

    *authorization* holds every value, because more than one is refused. Of each other name the
    first text counts; without one it is "", for *idempotency_key* None.
    """

    authorization: tuple[str | bytes, ...]
    correlation: str
    organisation: str
    idempotency_key: str | None


def headers_of(context: "ServicerContext[object, object]") -> Headers:
    """The headers of the call that *context* belongs to."""
    authorization: list[str | bytes] = []
    first: dict[str, str] = {}
    for name, value in context.invocation_metadata() or ():
        if name == AUTHORIZATION:
            authorization.append(value)
        elif isinstance(value, str):
            first.setdefault(name, value)
    return Headers(
        tuple(authorization),
        first.get(CORRELATION, ""),
        first.get(ORGANISATION, ""),
        first.get(IDEMPOTENCY_KEY),
    )
