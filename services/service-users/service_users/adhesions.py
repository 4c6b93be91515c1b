"""Who belongs to which organisation; what changes it holds the organisation's lock (R11, R16).

Who calls runs `unscoped` where a person, not an organisation, is meant.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Reader, Transaction, clock
from grpc_utils.errors import FailedPrecondition
from sqlalchemy import String, Uuid, bindparam, select, update

from service_users import journal, locks
from service_users.models import ACTIF, ADMIN, INVITE, RETIRE, VIEWER, Membre, Utilisateur

_organisation = bindparam("organisation_id", type_=String, required=True)
_utilisateur = bindparam("utilisateur_id", type_=Uuid, required=True)
_ONE = select(Membre).where(Membre.organisation_id == _organisation, Membre.utilisateur_id == _utilisateur)
_ANYBODY = select(Membre.id).where(Membre.organisation_id == _organisation, Membre.etat != RETIRE).limit(1)
_OF = select(Membre).where(Membre.utilisateur_id == _utilisateur).order_by(Membre.created_at, Membre.id)
_FIRST_ACTIVE = _OF.where(Membre.etat == ACTIF).limit(1)
_OTHER_ADMIN = (
    select(Membre.id)
    .where(
        Membre.organisation_id == _organisation,
        Membre.role == ADMIN,
        Membre.etat == ACTIF,
        Membre.id != bindparam("membre_id", type_=Uuid, required=True),
    )
    .limit(1)
)
_RETIRE_ALL = (
    update(Membre)
    .where(Membre.utilisateur_id == _utilisateur, Membre.etat != RETIRE)
    .values(
        etat=RETIRE,
        version=Membre.version + 1,
        updated_at=bindparam("now", type_=Membre.updated_at.type, required=True),
    )
)


class DernierAdmin(FailedPrecondition):
    """Le dernier administrateur actif d'une organisation ne peut pas la quitter ni changer de rôle."""


async def lock(tx: Transaction, organisation_id: str) -> None:
    """Keep everybody else from changing the memberships of the organisation until *tx* ends."""
    await locks.hold(tx, "membres", organisation_id)


async def membership(reader: Reader, organisation_id: str, utilisateur_id: UUID) -> Membre | None:
    """The membership of the user in the organisation, whatever its state."""
    return await reader.one(_ONE, organisation_id=organisation_id, utilisateur_id=utilisateur_id)


async def first_active(reader: Reader, utilisateur_id: UUID) -> Membre | None:
    """The oldest active membership of the user: the organisation his tokens name."""
    return await reader.one(_FIRST_ACTIVE, utilisateur_id=utilisateur_id)


async def of(reader: Reader, utilisateur_id: UUID) -> list[Membre]:
    """The memberships of the user in every state, the oldest first."""
    return await reader.all(_OF, utilisateur_id=utilisateur_id)


def new_membre(organisation_id: str, utilisateur_id: UUID, role: str, etat: str = ACTIF) -> Membre:
    """A membership that begins now in *etat*."""
    now = clock.now()
    return Membre(
        organisation_id=organisation_id,
        utilisateur_id=utilisateur_id,
        role=role,
        etat=etat,
        date_invitation=now if etat == INVITE else None,
        date_activation=now if etat == ACTIF else None,
    )


async def join(
    tx: Transaction, organisation_id: str, utilisateur: Utilisateur, *, source: str, role: str = ""
) -> Membre:
    """The membership of *utilisateur*, a new active one if he has none.

    Without *role*, the first member of an organisation is its ADMIN, the others are VIEWER (R11).
    """
    known = await membership(tx, organisation_id, utilisateur.id)
    if known is not None:
        return known  # without the lock, which would queue all sign-ins of an organisation
    await lock(tx, organisation_id)
    known = await membership(tx, organisation_id, utilisateur.id)
    if known is not None:
        return known
    if not role:
        anybody = await tx.one(_ANYBODY, organisation_id=organisation_id)
        role = ADMIN if anybody is None else VIEWER
    membre = await tx.insert(new_membre(organisation_id, utilisateur.id, role))
    await note(tx, "membre_ajoute", membre, source)
    return membre


async def enter(
    tx: Transaction, organisation_id: str, utilisateur: Utilisateur, *, role: str, source: str
) -> Membre:
    """The membership of *utilisateur*, active from now on; in *role* unless he was active already."""
    await lock(tx, organisation_id)
    membre = await join(tx, organisation_id, utilisateur, source=source, role=role)
    if membre.etat != ACTIF:
        await change(tx, membre, source=source, role=role, etat=ACTIF)
    return membre


async def change(
    tx: Transaction, membre: Membre, *, source: str, expected: int | None = None, **changes: Any
) -> None:
    """Change *membre*, whose organisation is locked. Raises DernierAdmin (R16), VersionConflict."""
    was_admin = (membre.role, membre.etat) == (ADMIN, ACTIF)
    role, etat = changes.get("role", membre.role), changes.get("etat", membre.etat)
    if was_admin and (role, etat) != (ADMIN, ACTIF) and await _is_last_admin(tx, membre):
        raise DernierAdmin
    if etat != membre.etat:
        changes |= _dated(etat, clock.now())
    version = membre.version
    await tx.update(membre, expected=expected, **changes)
    if membre.version != version:
        await note(tx, "membre_modifie", membre, source)


async def retire_all(tx: Transaction, utilisateur_id: UUID) -> None:
    """End every membership of a user who is deleted (R5), the last administrator's too."""
    await tx.execute(_RETIRE_ALL, utilisateur_id=utilisateur_id, now=clock.now())


async def note(tx: Transaction, evenement: str, membre: Membre, source: str) -> None:
    """Write a line of the journal about *membre*."""
    details = {"organisation_id": membre.organisation_id, "role": membre.role, "etat": membre.etat}
    await journal.note(tx, evenement, membre.utilisateur_id, source=source, **details)


async def _is_last_admin(tx: Transaction, membre: Membre) -> bool:
    other = await tx.one(_OTHER_ADMIN, organisation_id=membre.organisation_id, membre_id=membre.id)
    return other is None


def _dated(etat: str, now: datetime) -> dict[str, datetime]:
    columns = {INVITE: "date_invitation", ACTIF: "date_activation"}
    return {columns[etat]: now} if etat in columns else {}
