"""Sign-ins: counted, and announced by the one event of this service (R12, R13).

Who signs in is found by `annuaire.py`; the calls are in `sync.py`.
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

_CONNEXION = "connexion"
_REPEATED = timedelta(seconds=60)  # within which a service's second announcement says nothing new (R13)
_PROFILE_RHYTHM = timedelta(minutes=5)  # at most once in which reading one's profile is a sign-in (R12)

_utilisateur_id = bindparam("utilisateur_id", type_=Uuid)
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
        Evenement.evenement == _CONNEXION,
        Evenement.source == bindparam("source", type_=String),
        Evenement.created_at > bindparam("since", type_=Evenement.created_at.type),
    )
    .order_by(Evenement.created_at.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Connexion:
    """A sign-in to be announced: of whom, where from, into which membership.

    *sujet* is what the announcing side knows the person by; *metadata* goes with the event.
    """

    utilisateur: Utilisateur
    premiere: bool
    membre: Membre | None
    sujet: str
    source: str
    metadata: Mapping[str, str | bool]

    @property
    def organisation_id(self) -> str:
        """The organisation signed in to, "" for none."""
        return self.membre.organisation_id if self.membre is not None else ""

    @property
    def role(self) -> str:
        """The role there: information only."""
        return self.membre.role if self.membre is not None else ""


async def sign_in(
    tx: Transaction,
    utilisateur: Utilisateur,
    membre: Membre | None,
    *,
    sujet: str,
    source: str,
    metadata: Mapping[str, str | bool],
) -> Connexion:
    """The sign-in of *utilisateur*, counted and to be announced."""
    premiere = utilisateur.derniere_connexion is None
    return Connexion(await count(tx, utilisateur), premiere, membre, sujet, source, metadata)


async def count(tx: Transaction, utilisateur: Utilisateur) -> Utilisateur:
    """*utilisateur* after one more sign-in, now. It is no change of the account: its version stays."""
    counted = await tx.one(_COUNT, utilisateur_id=utilisateur.id, now=clock.now())
    return counted or utilisateur


def counts_again(derniere: datetime | None) -> bool:
    """Whether reading one's profile counts as a sign-in after the last one (R12)."""
    return derniere is None or clock.now() - derniere >= _PROFILE_RHYTHM


async def announced_lately(tx: Transaction, connexion: Connexion) -> str:
    """The id of the event that the same source caused within the last minute, "" without one."""
    details = await tx.one(
        _FORMER,
        utilisateur_id=connexion.utilisateur.id,
        source=connexion.source,
        since=clock.now() - _REPEATED,
    )
    return str(details["event_id"]) if details else ""


async def announce(tx: Transaction, connexion: Connexion) -> str:
    """Publish the sign-in with *tx* and keep its event's id in the journal; that id."""
    event = _event(connexion)
    publish(tx, event)
    await journal.note(
        tx, _CONNEXION, connexion.utilisateur.id, source=connexion.source, event_id=event.event_id
    )
    return event.event_id


def _event(connexion: Connexion) -> UserLoginEvent:
    utilisateur, organisation_id = connexion.utilisateur, connexion.organisation_id
    metadata = Struct()
    metadata.update(dict(connexion.metadata))
    institution = utilisateur.type_utilisateur == INSTITUTION
    return UserLoginEvent(
        user_id=str(utilisateur.id),
        auth0_id=connexion.sujet,
        customer_id=organisation_id,
        company_id="" if institution else organisation_id,
        financial_institution_id=organisation_id if institution else "",
        email=utilisateur.email,
        name=f"{utilisateur.prenom} {utilisateur.nom}".strip(),
        role=connexion.role,
        user_type=utilisateur.type_utilisateur,
        accessible_apps=utilisateur.applications,
        is_first_login=connexion.premiere,
        metadata=metadata,
    )
