"""Refusals of what an event says: no attempt can change them, so that the event is a dead letter (C13)."""

from collections.abc import Iterator
from contextlib import contextmanager

from grpc_utils.errors import InvalidArgument
from nats_utils import InvalidEvent


@contextmanager
def invalid_when_refused() -> Iterator[None]:
    """Raise InvalidEvent, with the reason, for each InvalidArgument of the rules within."""
    try:
        yield
    except InvalidArgument as refusal:
        raise InvalidEvent(refusal.reason) from refusal
