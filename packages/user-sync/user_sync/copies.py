"""Local copies of users: found, made, brought up to date, and joined when two are one person.

Everything runs in the transaction of its caller, who runs it again by `retried` when somebody else
was making the same copy.
"""

from datetime import datetime
from typing import Any

from db_utils import Reader, Transaction, clock
from sqlalchemy import String, Uuid, bindparam, select, union_all, update
from sqlalchemy.orm import aliased

from user_sync.models import ADMIN, EVENEMENT, SECOURS, VIEWER, SujetLocal, UtilisateurLocal
from user_sync.rules import NO_NAME, Central, Personne

_sujet = bindparam("sujet", type_=String)
_BY_SUBJECT = (
    select(UtilisateurLocal)
    .join(SujetLocal, SujetLocal.utilisateur_local_id == UtilisateurLocal.id)
    .where(SujetLocal.auth0_id == _sujet)
)
_Homonyme = aliased(UtilisateurLocal)
_ids = union_all(
    select(SujetLocal.utilisateur_local_id).where(SujetLocal.auth0_id == _sujet),
    select(_Homonyme.id).where(_Homonyme.utilisateur_id == bindparam("utilisateur_id", type_=String)),
)
# The oldest first, since it stays. A union of two look-ups: with an OR the whole table would be read.
_PERSON = (
    select(UtilisateurLocal)
    .where(UtilisateurLocal.id.in_(_ids))
    .order_by(UtilisateurLocal.created_at, UtilisateurLocal.id)
    .with_for_update()
)
_MOVE_SUBJECTS = (
    update(SujetLocal)
    .where(SujetLocal.utilisateur_local_id == bindparam("former", type_=Uuid))
    .values(utilisateur_local_id=bindparam("kept", type_=Uuid))
)
_organisation = bindparam("organisation_id", type_=String)
_ANYBODY = select(UtilisateurLocal.id).where(UtilisateurLocal.organisation_id == _organisation).limit(1)


async def by_subject(reader: Reader, sujet: str) -> UtilisateurLocal | None:
    """Return the copy of the person seen under *sujet*: one look-up."""
    return await reader.one(_BY_SUBJECT, sujet=sujet)


async def identified(tx: Transaction, sujet: str, utilisateur_id: str) -> UtilisateurLocal | None:
    """Return the one copy of the person with this subject and this id in users, locked until *tx* ends.

    Two copies become the older one (S11). *utilisateur_id* is "" as long as it is not known.
    """
    copies = await tx.all(_PERSON, sujet=sujet, utilisateur_id=utilisateur_id)
    if not copies:
        return None
    kept, *others = copies
    for other in others:
        await tx.execute(_MOVE_SUBJECTS, former=other.id, kept=kept.id)
        await tx.delete(other)
    if kept.auth0_id != sujet:
        await tx.insert(SujetLocal(auth0_id=sujet, utilisateur_local_id=kept.id), if_absent=True)
    return kept


async def settled(tx: Transaction, personne: Personne, central: Central | None) -> UtilisateurLocal:
    """Return the copy of a newcomer, made here unless somebody else has made it meanwhile (S7, S8).

    Without an answer of users (*central*), the first person of an organisation becomes its ADMIN.
    """
    utilisateur_id = central.utilisateur_id if central else ""
    known = await _known_under_lock(tx, personne, utilisateur_id)
    if known is None:
        return await _made(tx, personne, central, SECOURS, clock.now())
    return known if central is None else await confirmed(tx, known, central)


async def confirmed(tx: Transaction, copy: UtilisateurLocal, central: Central) -> UtilisateurLocal:
    """Bring *copy* up to date with an answer of users: active, and in the role it has there (S13)."""
    now = clock.now()
    return await tx.update(
        copy,
        utilisateur_id=central.utilisateur_id,
        role=central.role or copy.role,
        actif=True,
        derniere_sync_ok=now,
        last_login_at=max(copy.last_login_at, now),
    )


async def seen(tx: Transaction, sujet: str, central: Central | None) -> None:
    """Note that a known person was here just now, and the answer of users about him, if there is one."""
    copy = await identified(tx, sujet, central.utilisateur_id if central else "")
    if copy is None:
        return
    if central is not None:
        await confirmed(tx, copy, central)
    else:
        await tx.update(copy, last_login_at=max(copy.last_login_at, clock.now()))


async def announced(
    tx: Transaction, personne: Personne, central: Central, instant: datetime
) -> UtilisateurLocal | None:
    """Bring the copy of a person who signed in at *instant* up to date, or make it (S17).

    None for somebody without copy and organisation (S16).
    """
    copy = await identified(tx, personne.sujet, central.utilisateur_id)
    if copy is None and personne.organisation_id:
        copy = await _known_under_lock(tx, personne, central.utilisateur_id)
        if copy is None:
            return await _made(tx, personne, central, EVENEMENT, instant)
    if copy is None:
        return None
    changes: dict[str, Any] = {"last_login_at": max(copy.last_login_at, instant)}
    if copy.evenement_le is None or instant >= copy.evenement_le:
        changes |= _told(personne, central, copy) | {"evenement_le": instant}
    return await tx.update(copy, **changes)


async def deactivated(tx: Transaction, sujet: str) -> None:
    """Mark the copy as inactive: users has closed the account, and events from before are void (S9)."""
    copy = await identified(tx, sujet, "")
    if copy is not None:
        await tx.update(copy, actif=False, evenement_le=clock.now())


def _told(personne: Personne, central: Central, copy: UtilisateurLocal) -> dict[str, Any]:
    """Return the columns that an event changes; without an organisation, only the address (S16)."""
    email = {"email": personne.email or copy.email}
    if not personne.organisation_id:
        return email
    return email | {
        "first_name": personne.first_name or copy.first_name,
        "last_name": personne.last_name or copy.last_name,
        "role": central.role or copy.role,
        "utilisateur_id": central.utilisateur_id,
        "origine": EVENEMENT,
        "actif": True,
    }


async def _known_under_lock(
    tx: Transaction, personne: Personne, utilisateur_id: str
) -> UtilisateurLocal | None:
    """Lock the organisation until *tx* ends; return the copy, if somebody has made it meanwhile."""
    # Each service that uses this component decides for itself: names of locks are those of its schema.
    await tx.lock("utilisateurs", personne.organisation_id)
    return await identified(tx, personne.sujet, utilisateur_id)


async def _made(
    tx: Transaction, personne: Personne, central: Central | None, origine: str, instant: datetime
) -> UtilisateurLocal:
    """Make a copy, while the lock on its organisation is held."""
    copy = await tx.insert(
        UtilisateurLocal(
            organisation_id=personne.organisation_id,
            auth0_id=personne.sujet,
            utilisateur_id=central.utilisateur_id if central else None,
            email=personne.email or None,
            first_name=personne.first_name or NO_NAME,
            last_name=personne.last_name,
            photo_url=personne.photo_url or None,
            role=(central.role if central else "") or await _first_role(tx, personne.organisation_id),
            user_type=personne.user_type or None,
            origine=origine,
            last_login_at=instant,
            derniere_sync_ok=instant if central and origine == SECOURS else None,
            evenement_le=instant if origine == EVENEMENT else None,
        )
    )
    await tx.insert(SujetLocal(auth0_id=personne.sujet, utilisateur_local_id=copy.id))
    await tx.flush()
    return copy


async def _first_role(tx: Transaction, organisation_id: str) -> str:
    """Return ADMIN for the first person of an organisation, VIEWER for the others (S8)."""
    anybody = await tx.one(_ANYBODY, organisation_id=organisation_id)
    return ADMIN if anybody is None else VIEWER
