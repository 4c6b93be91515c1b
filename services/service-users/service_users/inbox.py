"""The inbox of webhooks: each takes effect once, at once or later (R22, R25).

The key of a webhook and its effect are written in one transaction. When that does not end in time,
the key is written alone, with what a later attempt needs. `effets.py` applies the effects; conflicts
are looked at again when their obstacle goes (R32, `conflits.py`).
"""

import asyncio
import logging
from datetime import timedelta
from functools import partial
from typing import Any, Final

from db_utils import (
    Conflict,
    Database,
    DatabaseError,
    DatabaseUnavailable,
    Retention,
    SerializationConflict,
    StatementTimeout,
    Transaction,
    VersionConflict,
    clock,
    purge_job,
    retried,
)
from grpc_utils.providers import KINDE
from service_kit import App, Worker
from sqlalchemy import String, bindparam, or_, select

from service_users import conflits
from service_users.annuaire import Annuaire
from service_users.effets import Effets, notification_of
from service_users.models import CONFLIT, ECHEC, EN_FILE, WebhookRecu
from service_users.notifications import Notification
from service_users.settings import UsersSettings

_log = logging.getLogger(__name__)

DOUBLON: Final = "DOUBLON"
BUDGET = 3.0  # seconds for the effect while the sender waits (R25); the gateway waits 4
WAITS: Final = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)  # before the second attempt and each later one
MOST_ATTEMPTS: Final = len(WAITS) + 1
KEPT = timedelta(days=30)  # far longer than the window in which a replay is accepted (R23)
_TRANSIENT = (
    TimeoutError,
    DatabaseUnavailable,
    SerializationConflict,
    StatementTimeout,
)
_BY_KEY = select(WebhookRecu.resultat).where(
    WebhookRecu.fournisseur == KINDE, WebhookRecu.cle == bindparam("cle", type_=String)
)
# One at a time, skipping those that another process is at work on; in the provider's order when due at once.
_DUE = (
    select(WebhookRecu)
    .where(
        WebhookRecu.prochain_essai <= bindparam("now", type_=WebhookRecu.prochain_essai.type),
        or_(WebhookRecu.resultat == EN_FILE, WebhookRecu.resultat == CONFLIT),
    )
    .order_by(WebhookRecu.prochain_essai, WebhookRecu.horodatage_fournisseur)
    .limit(1)
    .with_for_update(skip_locked=True)
)


class Inbox:
    """The inbox in *database*, whose webhooks take effect on the accounts of *accounts*."""

    def __init__(self, database: Database, accounts: Annuaire) -> None:
        self._db, self._effets = database, Effets(accounts)

    async def receive(self, notification: Notification) -> str:
        """Take *notification* in; return TRAITE, IGNORE, CONFLIT, DOUBLON or EN_FILE.

        Raises DatabaseUnavailable when not even its key can be stored: its sender tries again.
        """
        try:
            async with asyncio.timeout(BUDGET):
                return await retried(partial(self._at_once, notification), Conflict, VersionConflict)
        except _TRANSIENT as error:
            _log.warning("webhook %s waits: %s", notification.cle, type(error).__name__)
            return await self._keep(notification)

    async def retry(self) -> None:
        """Try the webhooks that are due; another failure makes one due later, the last one gives it up."""
        while (row := await self._take()) is not None:
            if row.tentatives > MOST_ATTEMPTS:
                await self._give_up(row, "its last attempt ended with its process")
                continue
            try:
                await retried(partial(self._again, row), Conflict, VersionConflict)
            except (*_TRANSIENT, DatabaseError) as error:
                _log.warning("webhook %s failed: %s", row.cle, type(error).__name__)
                if row.tentatives == MOST_ATTEMPTS:
                    await self._give_up(row, type(error).__name__)

    async def _at_once(self, notification: Notification) -> str:
        async with self._db.transaction() as tx:
            row = _row(notification)
            if not await tx.insert_if_absent(row):
                return await _known(tx, notification)
            resultat = await self._effets.apply(tx, notification)
            await _note(tx, row, resultat, notification)
        return resultat

    async def _keep(self, notification: Notification) -> str:
        later = {"tentatives": 1, "prochain_essai": clock.now() + WAITS[0]}
        async with self._db.transaction() as tx:
            if not await tx.insert_if_absent(_row(notification, charge_utile=notification.payload, **later)):
                return await _known(tx, notification)
        return EN_FILE

    async def _take(self) -> WebhookRecu | None:
        """Return one webhook that is due, its next attempt arranged beforehand.

        So an attempt that ends with its process counts, and is not lost.
        """
        now = clock.now()
        async with self._db.transaction() as tx:
            row = await tx.one(_DUE, now=now)
            if row is None:
                return None
            wait = WAITS[min(row.tentatives, len(WAITS) - 1)]
            return await tx.update(row, tentatives=row.tentatives + 1, prochain_essai=now + wait)

    async def _again(self, taken: WebhookRecu) -> None:
        async with self._db.transaction() as tx:
            row = await tx.get(WebhookRecu, taken.id, lock=True)
            if row is None or row.resultat not in (EN_FILE, CONFLIT):
                return
            former, notification = row.resultat, notification_of(row)
            resultat = await self._effets.apply(tx, notification)
            await _note(tx, row, resultat, notification)
            if former == CONFLIT != resultat:
                await conflits.resolve(tx, KINDE, row.sujet)

    async def _give_up(self, row: WebhookRecu, reason: str) -> None:
        _log.error("webhook %s is given up after %d attempts: %s", row.cle, row.tentatives, reason)
        resultat = CONFLIT if row.resultat == CONFLIT else ECHEC  # the hourly job looks at conflicts again
        async with self._db.transaction() as tx:
            await tx.update(row, resultat=resultat, prochain_essai=None, erreur=reason)

    async def look_again(self) -> None:
        """Make every webhook in conflict due, whatever has happened meanwhile (R32)."""
        async with self._db.transaction() as tx:
            await conflits.release_all(tx)


async def _note(tx: Transaction, row: WebhookRecu, resultat: str, notification: Notification) -> None:
    """Store the result of a webhook, and its content only while a conflict may need it again."""
    changed: dict[str, Any] = {"resultat": resultat, "prochain_essai": None, "charge_utile": {}}
    if resultat == CONFLIT:
        changed |= {"charge_utile": notification.payload, "tentatives": 0}
    await tx.update(row, **changed)


async def _known(tx: Transaction, notification: Notification) -> str:
    """Return the answer to a replay: EN_FILE while the effect is due, else DOUBLON."""
    resultat = await tx.one(_BY_KEY, cle=notification.cle)
    return EN_FILE if resultat == EN_FILE else DOUBLON


def _row(notification: Notification, **columns: Any) -> WebhookRecu:
    return WebhookRecu(
        fournisseur=KINDE,
        cle=notification.cle,
        type=notification.type,
        sujet=notification.sujet,
        horodatage_fournisseur=notification.horodatage,
        resultat=EN_FILE,
        **columns,
    )


def inbox_of(app: App[UsersSettings]) -> Inbox:
    """Return the inbox of the running service."""
    return Inbox(app.database, Annuaire(app.settings))


async def _retry(app: App[UsersSettings]) -> None:
    await inbox_of(app).retry()


async def _look_again(app: App[UsersSettings]) -> None:
    await inbox_of(app).look_again()


PURGE: Final = purge_job(Retention(WebhookRecu, WebhookRecu.recu_le, KEPT), name="webhooks-purge")
WORKERS: Final = (
    Worker("webhooks", _retry, every=timedelta(seconds=2)),
    Worker("webhooks-conflicts", _look_again, every=timedelta(hours=1)),
    PURGE,
)
