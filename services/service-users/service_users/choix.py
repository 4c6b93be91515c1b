"""Which of his organisations a person signs in to (R31): the one he names, else the last one he named."""

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
# Waits for whoever is ending one of them: an end that has begun before the token voids it (R28).
_HELD = _ACTIVE.with_for_update(read=True, of=Membre)
_REMEMBER = (
    update(Membre)
    .where(Membre.organisation_id == ORGANISATION, Membre.utilisateur_id == UTILISATEUR, Membre.etat == ACTIF)
    .values(choisi_le=bindparam("now", type_=Membre.choisi_le.type))
)


async def active(reader: Reader, utilisateur_id: UUID) -> list[Membre]:
    """The active memberships of the user, the oldest first; a closed account has none."""
    return await reader.all(_ACTIVE, utilisateur_id=utilisateur_id)


async def held(tx: Transaction, utilisateur_id: UUID) -> list[Membre]:
    """As `active`; none of them ends before *tx* does."""
    return await tx.all(_HELD, utilisateur_id=utilisateur_id)


def named(membres: Sequence[Membre], organisation_id: str) -> Membre | None:
    """The one of *membres*, the oldest first, in that organisation; without a name the usual one."""
    if organisation_id:
        return next((one for one in membres if one.organisation_id == organisation_id), None)
    chosen = [(one.choisi_le, one) for one in membres if one.choisi_le is not None]
    if chosen:
        return max(chosen, key=itemgetter(0))[1]
    return next(iter(membres), None)


async def remember(tx: Transaction, membre: Membre) -> bool:
    """Note that the user has chosen *membre* just now; False if it is not active any more."""
    where = {"organisation_id": membre.organisation_id, "utilisateur_id": membre.utilisateur_id}
    return bool(await tx.execute(_REMEMBER, **where, now=clock.now()))
