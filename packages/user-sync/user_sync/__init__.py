"""Local copies of the users that a business service meets; users is told of every sign-in.

A service switches the component on with one line of its data, see `component.py`. The way of a call
is in `synchroniser.py`, the rules are in `RULES.md`. Nothing here decides about access: roles and
permissions are information, and people are served before users has heard of them.
"""

from user_sync.component import UserSync
from user_sync.current import UtilisateurCourant, utilisateur_local
from user_sync.models import UtilisateurLocal
from user_sync.organisations import PremiereConnexion
from user_sync.settings import UserSyncSettings

__all__ = [
    "PremiereConnexion",
    "UserSync",
    "UserSyncSettings",
    "UtilisateurCourant",
    "UtilisateurLocal",
    "utilisateur_local",
]
