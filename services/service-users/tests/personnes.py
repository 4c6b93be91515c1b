"""People of the tests: addresses and subjects that no other test uses."""

from collections.abc import Awaitable, Callable
from itertools import count

from crm.users import users_pb2 as pb

COST = 5  # of password hashes
PASSWORD = "une phrase de passe"
Someone = Callable[..., Awaitable[pb.Utilisateur]]
Seen = Callable[..., pb.SyncUserRequest]
_numbers = count(1)


def new_email() -> str:
    """An address that was never given before."""
    return f"personne-{next(_numbers)}@exemple.fr"


def new_subject() -> str:
    """A subject that no provider has given before."""
    return f"sujet|{next(_numbers)}"


def new_org() -> str:
    """An organisation that nobody has named before."""
    return f"org-users-{next(_numbers)}"
