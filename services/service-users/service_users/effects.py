"""Effects of webhooks on accounts (R15, R24, R32), within the transaction that stores their key."""

import logging
from datetime import datetime
from typing import Any

from db_utils import Transaction, clock
from grpc_utils.providers import KINDE
from sqlalchemy import String, bindparam, select

from service_users import conflits, directory, lookups, rings
from service_users.directory import Directory, MatchedAccount
from service_users.models import CONFLIT, IGNORE, TRAITE, Utilisateur, WebhookRecu
from service_users.notifications import DELETED, KNOWN, SOURCE, Notification

_log = logging.getLogger(__name__)

# A deletion may arrive before older news of its person: its row in the inbox tells.
_DELETED_SINCE = (
    select(WebhookRecu.id)
    .where(
        WebhookRecu.fournisseur == KINDE,
        WebhookRecu.sujet == bindparam("sujet", type_=String),
        WebhookRecu.type == DELETED,
        WebhookRecu.horodatage_fournisseur
        > bindparam("since", type_=WebhookRecu.horodatage_fournisseur.type),
    )
    .limit(1)
)


class Effects:
    """Effects of webhooks on the accounts of *directory*."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def apply(self, tx: Transaction, notification: Notification) -> str:
        """Apply *notification*; return TRAITE, IGNORE or CONFLIT.

        Notifications about a person may arrive in any order: the state of the latest one stays.
        """
        if notification.type not in KNOWN:
            return IGNORE
        await tx.lock(KINDE, notification.sujet)
        identite = await lookups.by_subject(tx, KINDE, notification.sujet)
        if identite is None:
            return await self._introduce(tx, notification)
        utilisateur = await tx.get(Utilisateur, identite.utilisateur_id, lock=True)
        if utilisateur is None or _is_older(notification, utilisateur.fournisseur_maj_le):
            return IGNORE
        if notification.type == DELETED:
            await directory.forget(tx, utilisateur, source=SOURCE)
            return TRAITE
        return await self._tell(tx, notification)

    async def _introduce(self, tx: Transaction, notification: Notification) -> str:
        """Apply the first news of a person, unless a later deletion is known or an address is missing."""
        if notification.type == DELETED:
            return IGNORE
        if not notification.email:
            _log.info("webhook %s makes no account: it has no usable address", notification.cle)
            return IGNORE
        since = notification.horodatage or clock.now()
        if await tx.one(_DELETED_SINCE, sujet=notification.sujet, since=since) is not None:
            return IGNORE
        return await self._tell(tx, notification)

    async def _tell(self, tx: Transaction, notification: Notification) -> str:
        found = await self._directory.upsert(tx, notification.personne)
        if found.utilisateur is None:
            return CONFLIT if found.conflit else TRAITE
        changed = await _suspension(tx, found.utilisateur, notification.suspendu)
        changed["fournisseur_maj_le"] = notification.horodatage or clock.now()
        await tx.update(found.utilisateur, **changed)
        if found.conflit and not await self._exchanged(tx, found, notification):
            return CONFLIT
        return TRAITE

    async def _exchanged(self, tx: Transaction, found: MatchedAccount, notification: Notification) -> bool:
        """Apply the ring that *notification* closes, if it closes one; return whether it did (R32)."""
        if found.utilisateur is None or found.occupant is None:
            return False
        if not self._directory.vouched(notification.personne):
            return False
        ring = await rings.ring(tx, found.utilisateur, found.occupant)
        if not ring:
            return False
        await rings.step_aside(tx, found.utilisateur)
        for webhook in reversed(ring):  # the last one wants the address that has just become free
            waiting = notification_of(webhook)
            await tx.update(webhook, resultat=TRAITE, prochain_essai=None, charge_utile={})
            await self._tell(tx, waiting)
            await conflits.resolve(tx, KINDE, webhook.sujet)
        await self._directory.upsert(tx, notification.personne)  # the new address is free now
        return True


def notification_of(row: WebhookRecu) -> Notification:
    """Rebuild the notification that *row* keeps for a later attempt."""
    return Notification(row.cle, row.type, row.horodatage_fournisseur, row.sujet, **row.charge_utile)


def _is_older(notification: Notification, applied: datetime | None) -> bool:
    horodatage = notification.horodatage
    return horodatage is not None and applied is not None and horodatage < applied


async def _suspension(tx: Transaction, utilisateur: Utilisateur, suspendu: bool | None) -> dict[str, Any]:
    """Return the columns that the provider's suspension changes; it never lifts one of ours (R24)."""
    if suspendu and utilisateur.actif:
        return {"suspendu_par_fournisseur": True} | await directory.suspend(tx, utilisateur)
    if suspendu is False and utilisateur.suspendu_par_fournisseur:
        return {"actif": True, "suspendu_par_fournisseur": False}
    return {}
