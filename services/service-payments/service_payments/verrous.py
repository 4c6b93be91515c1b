"""Locks of outcomes, always in one order: schedules, mandates, payments, each by id.

Emission and schedules keep the same order, so that nobody waits for a lock in a circle.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from db_utils import Transaction
from grpc_utils import found
from sqlalchemy import ARRAY, Uuid, any_, bindparam, or_, select

from service_payments.models import LIVE, Echeancier, Payment
from service_payments.sepa_models import Mandat

IS_LIVE: Final = or_(*(Payment.statut == statut for statut in LIVE))  # one payment of an échéance at most

_ids: Final = bindparam("ids", type_=ARRAY(Uuid))
_PLACES = select(Payment.schedule_id, Payment.mandat_id).where(Payment.id == any_(_ids))


def _locking(model: Any) -> Any:
    return select(model).where(model.id == any_(_ids)).order_by(model.id).with_for_update()


_SCHEDULES, _MANDATS, _PAYMENTS = map(_locking, (Echeancier, Mandat, Payment))


async def locked(tx: Transaction, ids: Iterable[UUID]) -> Sequence[Payment]:
    """Lock the payments *ids* with what stands behind them, and return them as they are then, by id."""
    wanted = sorted(set(ids))
    if not wanted:
        return ()
    places = await tx.all(_PLACES, ids=wanted)
    await tx.all(_SCHEDULES, ids=sorted({schedule_id for schedule_id, _ in places if schedule_id}))
    await tx.all(_MANDATS, ids=sorted({mandat_id for _, mandat_id in places if mandat_id}))
    payments: Sequence[Payment] = await tx.all(_PAYMENTS, ids=wanted)
    return payments


async def locked_one(tx: Transaction, payment_id: str) -> Payment:
    """Lock one payment in the same order. Raises Introuvable."""
    payment = found(await tx.get(Payment, payment_id))
    return found(next(iter(await locked(tx, [payment.id])), None))
