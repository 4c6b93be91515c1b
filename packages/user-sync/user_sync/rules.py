"""Pure rules of the component: tokens, answers and events in, values or a refusal out.

They are described in `RULES.md`, S1 to S20.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from crm.events.identity_pb2 import UserLoginEvent
from crm.users import users_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from grpc_utils import Identity, outer_text
from grpc_utils.errors import Unauthenticated

from user_sync.models import ROLES

Metadata = Mapping[str, str | bool]

NO_NAME = "User"
_LONGEST_NAME, _LONGEST_EMAIL, _LONGEST_TYPE, _LONGEST_URL = 100, 255, 50, 2000
# After each failed try; the first one is made by the next run of the job (S12).
_WAITS = (timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1))
GIVEN_UP_AFTER = timedelta(days=7)


class UtilisateurNonAutorise(Unauthenticated):
    """User is not authorized for this service."""


class CompteDesactive(Unauthenticated):
    """Le compte est désactivé."""


@dataclass(frozen=True, slots=True)
class Personne:
    """A person as his token or an event tells of him; an empty text means not told."""

    sujet: str
    organisation_id: str
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    photo_url: str = ""
    user_type: str = ""


@dataclass(frozen=True, slots=True)
class Central:
    """The answer of users about a person: his id there, and his role ("" for none)."""

    utilisateur_id: str
    role: str


def personne_of(identity: Identity, type_claims: Sequence[str]) -> Personne:
    """Read the person of a user's token (S5)."""
    claims = identity.claims
    types = (outer_text(claims.get(name), _LONGEST_TYPE) for name in type_claims)
    return Personne(
        sujet=identity.subject,
        organisation_id=identity.organisation_id or "",
        email=outer_text(claims.get("email"), _LONGEST_EMAIL),
        first_name=outer_text(claims.get("given_name"), _LONGEST_NAME),
        last_name=outer_text(claims.get("family_name"), _LONGEST_NAME),
        photo_url=outer_text(claims.get("picture"), _LONGEST_URL),
        user_type=next(filter(None, types), ""),
    )


def is_announced(personne: Personne) -> bool:
    """Tell whether a newcomer's token says where to file him; one that says neither thing is served (S4).

    Raises UtilisateurNonAutorise for a token with his organisation or his type, and without the other.
    """
    told = bool(personne.organisation_id), bool(personne.user_type)
    if any(told) and not all(told):
        raise UtilisateurNonAutorise
    return all(told)


def permissions_of(identity: Identity) -> tuple[str, ...]:
    """Return the permissions that a token lists: information only."""
    listed = identity.claims.get("permissions")
    return tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()


def sync_request(
    personne: Personne, identity: Identity, fournisseur: str, service_name: str, metadata: Metadata
) -> pb.SyncUserRequest:
    """Build the announcement of a sign-in of *personne* with the token behind *identity* (S5)."""
    told = Struct()
    told.update({**metadata, "source": service_name})
    return pb.SyncUserRequest(
        auth0_id=personne.sujet,
        fournisseur=fournisseur,
        email=personne.email,
        email_verifie=identity.claims.get("email_verified") is True,
        name=f"{personne.first_name} {personne.last_name}".strip(),
        first_name=personne.first_name,
        last_name=personne.last_name,
        picture=personne.photo_url,
        company_id=personne.organisation_id,
        user_type=personne.user_type,
        metadata=told,
        service_name=service_name,
    )


def answered(response: pb.SyncUserResponse) -> Central:
    """Read the answer to SyncUser."""
    return Central(response.utilisateur.id, known_role(response.role))


def announced(event: UserLoginEvent) -> tuple[Personne, Central]:
    """Read the person who signed in by *event*, and his id and role in users (S16, S17)."""
    first, _, rest = event.name.strip().partition(" ")
    personne = Personne(
        sujet=event.auth0_id,
        organisation_id=event.financial_institution_id or event.company_id,
        email=event.email,
        first_name=first[:_LONGEST_NAME],
        last_name=rest.strip()[:_LONGEST_NAME],
        user_type=event.user_type,
    )
    return personne, Central(event.user_id, known_role(event.role))


def known_role(role: str) -> str:
    """Return *role*, "" when it is none of ours: no reason to give an event up or keep anybody out (S13)."""
    return role if role in ROLES else ""


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failed *attempts* to tell users (S12)."""
    return _WAITS[min(attempts, len(_WAITS)) - 1]
