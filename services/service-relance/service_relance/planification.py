"""What the parts of the daily job share: active rules, and rows planned once."""

from collections.abc import Sequence
from typing import Any

from service_kit import App
from sqlalchemy import String, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from service_relance.models import RegleRelance, Relance

_ACTIVE = (
    select(RegleRelance)
    .where(RegleRelance.declencheur == bindparam("declencheur"), RegleRelance.actif)
    .order_by(RegleRelance.societe_id)
)
_KNOWN = select(Relance.cle).where(Relance.cle == any_(bindparam("cles", type_=ARRAY(String))))
# Locked, so that no rule is deleted or deactivated while a reminder is planned by it.
_STILL_ACTIVE = (
    select(RegleRelance.id)
    .where(RegleRelance.id == bindparam("regle_id"), RegleRelance.actif)
    .with_for_update(read=True)
)


async def active_rules(app: App[Any], declencheur: str) -> Sequence[RegleRelance]:
    """Active rules for *declencheur* of the organisation of the scope, those of all its sociétés."""
    return await app.database.read().all(_ACTIVE, declencheur=declencheur)


async def unknown_keys(app: App[Any], keys: Sequence[str]) -> set[str]:
    """Those of *keys* under which the organisation of the scope has no reminder, whatever its statut."""
    if not keys:
        return set()
    return set(keys) - set(await app.database.read().all(_KNOWN, cles=list(keys)))


async def insert_planned(app: App[Any], regle: RegleRelance, planned: Sequence[Relance]) -> None:
    """Store *planned* if *regle* is still active; one whose key is taken meanwhile is left out."""
    if not planned:
        return
    async with app.database.transaction() as tx:
        if await tx.one(_STILL_ACTIVE, regle_id=regle.id) is not None:
            for relance in planned:
                await tx.insert(relance, if_absent=True)
