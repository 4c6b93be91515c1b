"""Lifting the organisation of a call, where people are meant and not an organisation's rows."""

from contextlib import AbstractContextManager

from db_utils import EVERYTHING, within


def unscoped() -> AbstractContextManager[None]:
    """All organisations are visible inside, and calls to peers name none.

    A person's own memberships, his invitations and his sign-ins concern all of them.
    """
    return within(EVERYTHING)
