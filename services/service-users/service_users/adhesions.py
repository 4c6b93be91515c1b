"""Memberships, and every change of them, under the lock of their organisation (R11, R16, R28).

Callers run `unscoped` where they mean a person's memberships in all organisations.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from db_utils import Reader, Transaction, clock
from grpc_utils.errors import FailedPrecondition
from sqlalchemy import String, Uuid, bindparam, exists, func, or_, select, update

from service_users import journal, outgoing
from service_users.models import (
    ACTIF,
    ADMIN,
    CANCELLED,
    INVITE,
    PENDING,
    RETIRE,
    VIEWER,
    Identite,
    Invitation,
    Membre,
    Utilisateur,
)

ORGANISATION = bindparam("organisation_id", type_=String)
UTILISATEUR = bindparam("utilisateur_id", type_=Uuid)
_ONE = select(Membre).where(Membre.organisation_id == ORGANISATION, Membre.utilisateur_id == UTILISATEUR)
_ANYBODY = select(Membre.id).where(Membre.organisation_id == ORGANISATION, Membre.etat != RETIRE).limit(1)
_OF = select(Membre).where(Membre.utilisateur_id == UTILISATEUR).order_by(Membre.created_at, Membre.id)
_OTHER_ADMIN = (
    select(Membre.id)
    .where(
        Membre.organisation_id == ORGANISATION,
        Membre.role == ADMIN,
        Membre.etat == ACTIF,
        Membre.id != bindparam("membre_id", type_=Uuid),
    )
    .limit(1)
)
_now = bindparam("now", type_=Membre.updated_at.type)
_RETIRE_ALL = (
    update(Membre)
    .where(Membre.utilisateur_id == UTILISATEUR, Membre.etat != RETIRE)
    .values(etat=RETIRE, version=Membre.version + 1, updated_at=_now)
)
_RETIRE_UNINVITED = _RETIRE_ALL.where(
    ~exists().where(
        Invitation.organisation_id == Membre.organisation_id,
        Invitation.acceptee_par == Membre.utilisateur_id,
        func.lower(Invitation.email_invite) == bindparam("email", type_=String),
    )
)
_TO_HIM = (
    func.lower(Invitation.email_invite)
    == select(func.lower(Utilisateur.email)).where(Utilisateur.id == UTILISATEUR).scalar_subquery()
)
# invite_par holds the subject of the inviting token, which is one of the person's identities.
_BY_HIM = Invitation.invite_par.in_(select(Identite.sujet).where(Identite.utilisateur_id == UTILISATEUR))
_CANCEL = update(Invitation).values(etat=CANCELLED, version=Invitation.version + 1, updated_at=_now)
_CANCEL_INVITATIONS = _CANCEL.where(
    Invitation.organisation_id == ORGANISATION, Invitation.etat == PENDING, or_(_TO_HIM, _BY_HIM)
)
_CANCEL_MADE = _CANCEL.where(Invitation.etat == PENDING, _BY_HIM)


class DernierAdmin(FailedPrecondition):
    """Le dernier administrateur actif d'une organisation ne peut pas la quitter ni changer de rôle."""


async def lock(tx: Transaction, organisation_id: str) -> None:
    """Take the lock on the memberships of the organisation, until *tx* ends."""
    await tx.lock("membres", organisation_id)


async def membership(reader: Reader, organisation_id: str, utilisateur_id: UUID) -> Membre | None:
    """Return the membership of the user in the organisation, in whatever state."""
    return await reader.one(_ONE, organisation_id=organisation_id, utilisateur_id=utilisateur_id)


async def of(reader: Reader, utilisateur_id: UUID) -> list[Membre]:
    """Return the memberships of the user in every state, the oldest first."""
    return await reader.all(_OF, utilisateur_id=utilisateur_id)


def new_membre(organisation_id: str, utilisateur_id: UUID, role: str, etat: str = ACTIF) -> Membre:
    """Build a membership that begins now, in *etat*."""
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
    tx: Transaction,
    organisation_id: str,
    utilisateur: Utilisateur,
    *,
    source: str,
    role: str = "",
    anew: bool = False,
) -> Membre:
    """Return the membership of *utilisateur* in whatever state, or make an active one.

    Without *role*, the first member of an organisation becomes ADMIN, the others VIEWER (R11). With
    *anew* an ended membership begins again as a newcomer's, as after a reprise (R30).
    """
    known = await membership(tx, organisation_id, utilisateur.id)
    if known is not None and not anew:
        return known  # without the lock: it would queue all sign-ins of an organisation
    await lock(tx, organisation_id)
    known = await membership(tx, organisation_id, utilisateur.id)  # may have been made while we waited
    if known is not None and not (anew and known.etat == RETIRE):
        return known
    if not role:
        anybody = await tx.one(_ANYBODY, organisation_id=organisation_id)
        role = ADMIN if anybody is None else VIEWER
    if known is not None:
        await change(tx, known, source=source, role=role, etat=ACTIF)
        return known
    membre = await tx.insert(new_membre(organisation_id, utilisateur.id, role))
    await note(tx, "membre_ajoute", membre, source)
    return membre


async def enter(
    tx: Transaction, organisation_id: str, utilisateur: Utilisateur, *, role: str, source: str
) -> Membre:
    """Make the membership of *utilisateur* active, in *role* unless it was active already."""
    await lock(tx, organisation_id)
    membre = await join(tx, organisation_id, utilisateur, source=source, role=role)
    if membre.etat != ACTIF:
        await change(tx, membre, source=source, role=role, etat=ACTIF)
    return membre


async def change(
    tx: Transaction, membre: Membre, *, source: str, expected: int | None = None, **changes: Any
) -> None:
    """Change *membre*, whose organisation is locked. Raises DernierAdmin (R16), VersionConflict.

    The end of a membership ends the tokens that name its organisation (R28), and cancels the pending
    invitations there to its person and by him: he would come back by them (R19).
    """
    was_admin = (membre.role, membre.etat) == (ADMIN, ACTIF)
    role, etat = changes.get("role", membre.role), changes.get("etat", membre.etat)
    if was_admin and (role, etat) != (ADMIN, ACTIF) and await _is_last_admin(tx, membre):
        raise DernierAdmin
    if etat != membre.etat:
        changes |= _dated(etat, clock.now())
    version, former = membre.version, membre.etat
    await tx.update(membre, expected=expected, **changes)
    if membre.version != version:
        await note(tx, "membre_modifie", membre, source)
    if membre.etat not in (former, ACTIF):
        await _end(tx, membre)


async def retire_all(tx: Transaction, utilisateur_id: UUID) -> None:
    """End every membership of a deleted user, also a last administrator's (R5)."""
    await tx.execute(_RETIRE_ALL, utilisateur_id=utilisateur_id, now=clock.now())
    await cancel_made(tx, utilisateur_id)


async def cancel_made(tx: Transaction, utilisateur_id: UUID) -> None:
    """Cancel the pending invitations that the user has made, in all organisations."""
    await tx.execute(_CANCEL_MADE, utilisateur_id=utilisateur_id, now=clock.now())


async def retire_uninvited(tx: Transaction, utilisateur: Utilisateur) -> None:
    """End the memberships that *utilisateur* does not have by an invitation to his address (R30)."""
    who = {"utilisateur_id": utilisateur.id, "email": utilisateur.email}
    await tx.execute(_RETIRE_UNINVITED, **who, now=clock.now())


async def note(tx: Transaction, evenement: str, membre: Membre, source: str) -> None:
    """Write a line of the journal about *membre*."""
    details = {"organisation_id": membre.organisation_id, "role": membre.role, "etat": membre.etat}
    await journal.note(tx, evenement, membre.utilisateur_id, source=source, **details)


async def _end(tx: Transaction, membre: Membre) -> None:
    now, organisation_id = clock.now(), membre.organisation_id
    await outgoing.revoke(tx, membre.utilisateur_id, now, outgoing.ADHESION, organisation_id)
    who = {"organisation_id": organisation_id, "utilisateur_id": membre.utilisateur_id}
    await tx.execute(_CANCEL_INVITATIONS, **who, now=now)


async def _is_last_admin(tx: Transaction, membre: Membre) -> bool:
    other = await tx.one(_OTHER_ADMIN, organisation_id=membre.organisation_id, membre_id=membre.id)
    return other is None


def _dated(etat: str, now: datetime) -> dict[str, datetime]:
    columns = {INVITE: "date_invitation", ACTIF: "date_activation"}
    return {columns[etat]: now} if etat in columns else {}
