"""Work outside the organisation of a call, for people, who belong to no organisation."""

from contextlib import AbstractContextManager

from db_utils import EVERYTHING, within


def unscoped() -> AbstractContextManager[None]:
    """Make all organisations visible inside; calls to other services then name none.

    A person's memberships, invitations and sign-ins concern all of his organisations.
    """
    return within(EVERYTHING)
