"""Who has a stream open, whatever the instance (R14)."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from db_utils import Database, DatabaseError, Reader, clock
from sqlalchemy import String, Uuid, bindparam, delete, func, select, update

from service_notifications.models import Connexion

_log = logging.getLogger(__name__)

LASTS: Final = timedelta(seconds=60)

_ID = Connexion.id == bindparam("identity", type_=Uuid)
_PROLONG = update(Connexion).where(_ID).values(expire_le=bindparam("until"))
_REMOVE = delete(Connexion).where(_ID)
_OPEN = Connexion.expire_le > bindparam("now", type_=Connexion.expire_le.type)
_USERS = select(func.count(Connexion.utilisateur_id.distinct())).where(_OPEN)
_OF_USER = select(Connexion.id).where(Connexion.utilisateur_id == bindparam("user", type_=String), _OPEN)


async def connected_users(reader: Reader) -> int:
    """The number of users who have a stream open in the organisation of the scope."""
    return await reader.one(_USERS, now=clock.now()) or 0


async def is_connected(reader: Reader, user: str) -> bool:
    """Whether *user* has a stream open in the organisation of the scope."""
    return await reader.one(_OF_USER.limit(1), now=clock.now(), user=user) is not None


@asynccontextmanager
async def noted(database: Database, organisation_id: str, user: str, instance: str) -> AsyncIterator[UUID]:
    """Have everybody know inside that *user* has a stream open; it must be prolonged now and then."""
    connexion = Connexion(
        organisation_id=organisation_id,
        utilisateur_id=user,
        instance=instance,
        expire_le=clock.now() + LASTS,
    )
    async with database.transaction() as tx:
        await tx.insert(connexion)
    try:
        yield connexion.id
    finally:
        await database.shielded(_remove(database, connexion.id))


async def prolong(database: Database, identity: UUID) -> None:
    """Have a connection last from now; one that cannot be written goes on, and may be void meanwhile."""
    try:
        async with database.transaction() as tx:
            await tx.execute(_PROLONG, identity=identity, until=clock.now() + LASTS)
    except DatabaseError as error:
        _log.warning("a connection is not prolonged: %s", type(error).__name__)


async def _remove(database: Database, identity: UUID) -> None:
    try:
        async with database.transaction() as tx:
            await tx.execute(_REMOVE, identity=identity)
    except DatabaseError as error:
        _log.warning("a connection is left to expire: %s", type(error).__name__)
