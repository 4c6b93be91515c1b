"""Lifting the organisation of a call, where people are meant and not an organisation's rows."""

from collections.abc import Iterator
from contextlib import contextmanager

from db_utils import context


@contextmanager
def unscoped() -> Iterator[None]:
    """All organisations are visible inside, and calls to peers name none.

    A person's own memberships, his invitations and his sign-ins concern all of them.
    """
    token = context.scope.set(context.EVERYTHING)
    try:
        yield
    finally:
        context.scope.reset(token)
