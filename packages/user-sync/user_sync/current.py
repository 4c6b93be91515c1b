"""The local user of the current call, for handlers. Information only: it grants nothing."""

from contextvars import ContextVar
from dataclasses import dataclass, replace

from grpc_utils import Identity, caller

from user_sync import rules
from user_sync.models import VIEWER, UtilisateurLocal


@dataclass(frozen=True, slots=True)
class UtilisateurCourant:
    """The calling person as this service knows him.

    *id* is that of the local copy, or the subject where there is none (S4, S10). *permissions* are those
    that the token lists.
    """

    id: str
    auth0_id: str
    email: str
    first_name: str
    last_name: str
    role: str
    organisation_id: str
    permissions: tuple[str, ...] = ()


_current: ContextVar[UtilisateurCourant | None] = ContextVar("utilisateur_local", default=None)


def utilisateur_local() -> UtilisateurCourant | None:
    """Return the local user behind the current call.

    None in calls of services, without authentication, where the component is off, and outside calls.
    """
    user = _current.get()
    return None if user is None else replace(user, permissions=rules.permissions_of(caller()))


def set_utilisateur(user: UtilisateurCourant | None) -> None:
    """Set the local user of the current call; for the interception only."""
    _current.set(user)


def of_copy(row: UtilisateurLocal) -> UtilisateurCourant:
    """Build the calling person from a local copy."""
    return UtilisateurCourant(
        id=str(row.id),
        auth0_id=row.auth0_id,
        email=row.email or "",
        first_name=row.first_name,
        last_name=row.last_name,
        role=row.role,
        organisation_id=row.organisation_id,
    )


def of_token(identity: Identity, personne: rules.Personne) -> UtilisateurCourant:
    """Build the calling person from his token alone: without a copy (S4), or without the database (S10)."""
    return UtilisateurCourant(
        id=identity.subject,
        auth0_id=identity.subject,
        email=personne.email,
        first_name=personne.first_name or rules.NO_NAME,
        last_name=personne.last_name,
        role=VIEWER,
        organisation_id=personne.organisation_id,
    )
