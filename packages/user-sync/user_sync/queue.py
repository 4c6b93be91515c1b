"""The queue of sign-ins that users could not be told of, kept with their request and told later (S12)."""

import logging
from typing import Final

from crm.users import users_pb2 as pb
from db_utils import Conflict, Database, Transaction, VersionConflict, clock, retried
from google.protobuf.json_format import MessageToDict, ParseDict
from sqlalchemy import Integer, String, bindparam, delete, func, select, update

from user_sync import copies, rules, telemetry
from user_sync.models import SyncEnAttente
from user_sync.rules import Central
from user_sync.users_client import Closed, NotTold, Unusable, UsersClient

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 100  # rows of one look at the queue
_LONGEST_ERROR: Final = 200
_DUE = (
    select(SyncEnAttente)
    .where(SyncEnAttente.prochain_essai <= bindparam("now", type_=SyncEnAttente.created_at.type))
    .order_by(SyncEnAttente.prochain_essai, SyncEnAttente.auth0_id)
    .limit(_AT_ONCE)
)
_PENDING = select(func.count()).select_from(SyncEnAttente).where(SyncEnAttente.prochain_essai.is_not(None))
_mine = SyncEnAttente.auth0_id == bindparam("sujet", type_=String)
_TOLD = delete(SyncEnAttente).where(_mine)
_PUT_OFF = (
    update(SyncEnAttente)
    .where(_mine)
    .values(
        tentatives=bindparam("attempts", type_=Integer),
        prochain_essai=bindparam("next_try", type_=SyncEnAttente.created_at.type),
        erreur=bindparam("error", type_=String),
    )
)


async def keep(tx: Transaction, request: pb.SyncUserRequest, error: NotTold) -> None:
    """Queue the sign-in, unless an earlier one of the same person waits already."""
    charge = MessageToDict(request, preserving_proto_field_name=True)
    row = SyncEnAttente(auth0_id=request.auth0_id, charge=charge, erreur=str(error)[:_LONGEST_ERROR])
    await tx.insert(row, if_absent=True)


async def told(tx: Transaction, sujet: str) -> None:
    """Remove the person's sign-in from the queue: users knows of it."""
    await tx.execute(_TOLD, sujet=sujet)


async def empty(database: Database, users: UsersClient, service: str) -> None:
    """Tell users of every sign-in that is due; the first silence ends the run (a job)."""
    try:
        while due := await database.read().all(_DUE, now=clock.now()):
            for row in due:
                if not await _retried(database, users, row):
                    return
    finally:
        pending = await database.read().one(_PENDING)
        telemetry.USER_SYNC_PENDING.labels(service).set(pending or 0)


async def _retried(database: Database, users: UsersClient, row: SyncEnAttente) -> bool:
    """Tell users of *row*; return False when it is silent."""
    request = ParseDict(row.charge, pb.SyncUserRequest())
    try:
        central = await users.tell(request)
    except NotTold as error:
        await _put_off(database, row, error)
        return not error.silent
    except Unusable as error:
        _log.error("users will never take in the sign-in of %s: %s", telemetry.hashed(row.auth0_id), error)
        await _settle(database, row.auth0_id, None)
    except Closed:
        await _settle(database, row.auth0_id, None, closed=True)
    else:
        await _settle(database, row.auth0_id, central)
    return True


async def _settle(database: Database, sujet: str, central: Central | None, *, closed: bool = False) -> None:
    """Apply what users has answered to the copy, and remove the sign-in from the queue."""

    async def work() -> None:
        async with database.transaction() as tx:
            if closed:
                await copies.deactivated(tx, sujet)
            elif central is not None:
                copy = await copies.identified(tx, sujet, central.utilisateur_id)
                if copy is not None:
                    await copies.confirmed(tx, copy, central)
            await told(tx, sujet)

    await retried(work, Conflict, VersionConflict)


async def _put_off(database: Database, row: SyncEnAttente, error: NotTold) -> None:
    """Put the sign-in off; after a week give it up, and keep the row for people to look at."""
    now, attempts = clock.now(), row.tentatives + 1
    given_up = now - row.created_at >= rules.GIVEN_UP_AFTER
    if given_up:
        _log.error("ECHEC: users was not told of %s in a week: %s", telemetry.hashed(row.auth0_id), error)
    async with database.transaction() as tx:  # changes nothing when the row was told of meanwhile
        await tx.execute(
            _PUT_OFF,
            sujet=row.auth0_id,
            attempts=attempts,
            next_try=None if given_up else now + rules.wait_after(attempts),
            error=str(error)[:_LONGEST_ERROR],
        )
