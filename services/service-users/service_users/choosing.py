"""The organisation that a person signs in to (R31): the one named, else the last one chosen."""

from collections.abc import Sequence
from operator import itemgetter
from uuid import UUID

from db_utils import Reader, Transaction, clock
from sqlalchemy import bindparam, select, update

from service_users.adhesions import ORGANISATION, UTILISATEUR
from service_users.models import ACTIF, Membre, Utilisateur

_ACTIVE = (
    select(Membre)
    .join(Utilisateur, Utilisateur.id == Membre.utilisateur_id)
    .where(Membre.utilisateur_id == UTILISATEUR, Membre.etat == ACTIF, Utilisateur.actif)
    .order_by(Membre.created_at, Membre.id)
)
# Waits for a transaction that is ending one of them: the instant of that end is past already, so that
# a token made now would be younger and outlive it (R28).
_HELD = _ACTIVE.with_for_update(read=True, of=Membre)
_REMEMBER = (
    update(Membre)
    .where(Membre.organisation_id == ORGANISATION, Membre.utilisateur_id == UTILISATEUR, Membre.etat == ACTIF)
    .values(choisi_le=bindparam("now", type_=Membre.choisi_le.type))
)


async def active(reader: Reader, utilisateur_id: UUID) -> list[Membre]:
    """Return the active memberships of the user, the oldest first; a closed account has none."""
    return await reader.all(_ACTIVE, utilisateur_id=utilisateur_id)


async def held(tx: Transaction, utilisateur_id: UUID) -> list[Membre]:
    """Return the same as `active`, and keep each of them from ending until *tx* does."""
    return await tx.all(_HELD, utilisateur_id=utilisateur_id)


def named(membres: Sequence[Membre], organisation_id: str) -> Membre | None:
    """Return the membership of that organisation, without a name the last one chosen, else the first.

    *membres* are in order, the oldest first; None when there is nothing to choose.
    """
    if organisation_id:
        return next((one for one in membres if one.organisation_id == organisation_id), None)
    chosen = [(one.choisi_le, one) for one in membres if one.choisi_le is not None]
    if chosen:
        return max(chosen, key=itemgetter(0))[1]
    return next(iter(membres), None)


async def remember(tx: Transaction, membre: Membre) -> bool:
    """Note that the user has chosen *membre* just now; False if it is no longer active."""
    where = {"organisation_id": membre.organisation_id, "utilisateur_id": membre.utilisateur_id}
    return bool(await tx.execute(_REMEMBER, **where, now=clock.now()))
