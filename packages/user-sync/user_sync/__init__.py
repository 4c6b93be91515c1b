"""Local copies of the users that a business service meets, and users told of every sign-in.

A service switches it on with one line of its data, see `component.py`; the way of a call is in
`synchroniser.py`, that of an event in `sign_ins.py`. It decides nothing about access: roles and
permissions are information, and no copy is needed to be let in again.
"""

from user_sync.component import UserSync
from user_sync.courant import UtilisateurCourant, utilisateur_local
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
