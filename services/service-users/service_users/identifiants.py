"""Local passwords as they are kept: one hash per person, or none."""

from uuid import UUID

from db_utils import Transaction, clock
from sqlalchemy import String, Uuid, bindparam, delete
from sqlalchemy.dialects.postgresql import insert

from service_users.models import IdentifiantLocal
from service_users.passwords import Hashed

_utilisateur_id = bindparam("utilisateur_id", type_=Uuid)
_new = {
    "hash": bindparam("hash", type_=String),
    "aleatoire": bindparam("aleatoire", type_=IdentifiantLocal.aleatoire.type),
    "change_le": bindparam("change_le", type_=IdentifiantLocal.change_le.type),
}
_STORE = (
    insert(IdentifiantLocal)
    .values(utilisateur_id=_utilisateur_id, **_new)
    .on_conflict_do_update(index_elements=["utilisateur_id"], set_=_new)
)
_FORGET = delete(IdentifiantLocal).where(IdentifiantLocal.utilisateur_id == _utilisateur_id)


async def store(tx: Transaction, utilisateur_id: UUID, password: Hashed) -> None:
    """Store the password hash of the user, which replaces any former one."""
    await tx.execute(
        _STORE,
        utilisateur_id=utilisateur_id,
        hash=password.hash,
        aleatoire=password.aleatoire,
        change_le=clock.now(),
    )


async def forget(tx: Transaction, utilisateur_id: UUID) -> None:
    """Remove the user's password."""
    await tx.execute(_FORGET, utilisateur_id=utilisateur_id)
