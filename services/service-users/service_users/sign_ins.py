"""Sign-ins: counted, and announced by the one event of this service (R12, R13).

`directory.py` finds the person, `sync.py` serves the calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm.events.identity_pb2 import UserLoginEvent
from db_utils import Transaction, clock
from google.protobuf.struct_pb2 import Struct
from nats_utils import publish
from sqlalchemy import String, Uuid, bindparam, func, select, update

from service_users import journal
from service_users.models import Evenement, Membre, Utilisateur
from service_users.rules import INSTITUTION

_SIGN_IN = "connexion"
_REPEATED = timedelta(seconds=60)  # a service's repeated report announces nothing (R13)
_PROFILE_RHYTHM = timedelta(minutes=5)  # SyncProfile counts once in it (R12)

_utilisateur_id = bindparam("utilisateur_id", type_=Uuid)
# Added up by the database, so that simultaneous sign-ins all count; the version stays.
_COUNT = (
    update(Utilisateur)
    .where(Utilisateur.id == _utilisateur_id)
    .values(
        derniere_connexion=func.greatest(
            Utilisateur.derniere_connexion,
            bindparam("now", type_=Utilisateur.derniere_connexion.type),
        ),
        nombre_connexions=Utilisateur.nombre_connexions + 1,
    )
    .returning(Utilisateur)
)
_FORMER = (
    select(Evenement.details)
    .where(
        Evenement.utilisateur_id == _utilisateur_id,
        Evenement.evenement == _SIGN_IN,
        Evenement.source == bindparam("source", type_=String),
        Evenement.created_at > bindparam("since", type_=Evenement.created_at.type),
    )
    .order_by(Evenement.created_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in to be announced, with its person and the membership that it is for.

    *sujet* is the subject that the announcing side knows the person by; *metadata* goes with the event.
    """

    utilisateur: Utilisateur
    premiere: bool
    membre: Membre | None
    sujet: str
    source: str
    metadata: Mapping[str, str | bool]

    @property
    def organisation_id(self) -> str:
        """Organisation signed in to, "" for none."""
        return self.membre.organisation_id if self.membre is not None else ""

    @property
    def role(self) -> str:
        """Role in that organisation: information only."""
        return self.membre.role if self.membre is not None else ""


async def sign_in(
    tx: Transaction,
    utilisateur: Utilisateur,
    membre: Membre | None,
    *,
    sujet: str,
    source: str,
    metadata: Mapping[str, str | bool],
) -> SignIn:
    """Count the sign-in of *utilisateur*, and return it for its announcement."""
    premiere = utilisateur.derniere_connexion is None
    return SignIn(await count(tx, utilisateur), premiere, membre, sujet, source, metadata)


async def count(tx: Transaction, utilisateur: Utilisateur) -> Utilisateur:
    """Count one more sign-in, now; return the row. The version stays: the account has not changed."""
    counted = await tx.one(_COUNT, utilisateur_id=utilisateur.id, now=clock.now())
    return counted or utilisateur


def counts_again(derniere: datetime | None) -> bool:
    """Tell whether SyncProfile counts as a sign-in, after the last one at *derniere* (R12)."""
    return derniere is None or clock.now() - derniere >= _PROFILE_RHYTHM


async def announced_lately(tx: Transaction, sign_in: SignIn) -> str:
    """Return the id of the event that the same source caused within the last minute, "" without one."""
    details = await tx.one(
        _FORMER,
        utilisateur_id=sign_in.utilisateur.id,
        source=sign_in.source,
        since=clock.now() - _REPEATED,
    )
    return str(details["event_id"]) if details else ""


async def announce(tx: Transaction, sign_in: SignIn) -> str:
    """Publish the sign-in with *tx*, keep the event's id in the journal, and return it."""
    event = _event(sign_in)
    publish(tx, event)
    await journal.note(tx, _SIGN_IN, sign_in.utilisateur.id, source=sign_in.source, event_id=event.event_id)
    return event.event_id


def _event(sign_in: SignIn) -> UserLoginEvent:
    utilisateur, organisation_id = sign_in.utilisateur, sign_in.organisation_id
    metadata = Struct()
    metadata.update(dict(sign_in.metadata))
    institution = utilisateur.type_utilisateur == INSTITUTION
    return UserLoginEvent(
        user_id=str(utilisateur.id),
        auth0_id=sign_in.sujet,
        customer_id=organisation_id,
        company_id="" if institution else organisation_id,
        financial_institution_id=organisation_id if institution else "",
        email=utilisateur.email,
        name=f"{utilisateur.prenom} {utilisateur.nom}".strip(),
        role=sign_in.role,
        user_type=utilisateur.type_utilisateur,
        accessible_apps=utilisateur.applications,
        is_first_login=sign_in.premiere,
        metadata=metadata,
    )
