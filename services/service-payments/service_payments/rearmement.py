"""Debits that the bank refused for a technical reason go out again, three times at most (R13)."""

from typing import Any, Final
from uuid import UUID

from db_utils import Database, Transaction
from service_kit import App
from service_kit.outgoing import CRITIQUE, alert
from sqlalchemy import ARRAY, String, and_, any_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from service_payments.emission_rules import MOST_REARMED
from service_payments.fins_de_contrat import follow
from service_payments.models import (
    ANNULEE,
    FAILED,
    LIVE,
    PAYEE,
    PENDING,
    SCHEDULE_CANCELLED,
    SEPA_DEBIT,
    Echeance,
    Echeancier,
    Payment,
    PaymentTransition,
)
from service_payments.transitions import transition

REARME: Final = "REARME"  # cause of the transition

_other = aliased(Payment)
_live = bindparam("live", type_=ARRAY(String))
_failed_of_societe = and_(
    Payment.organisation_id == bindparam("organisation_id"),
    Payment.societe_id == bindparam("societe_id"),
    Payment.moyen == SEPA_DEBIT,
    Payment.statut == FAILED,
)
_UNDER_CONTRACT = select(Echeancier).where(
    Echeancier.contrat_id.is_not(None),
    Echeancier.id.in_(select(Payment.schedule_id).where(_failed_of_societe)),
)
_FAILED = (
    select(Payment.id, Payment.schedule_id)
    .outerjoin(Echeance, Echeance.id == Payment.echeance_id)
    .outerjoin(Echeancier, Echeancier.id == Payment.schedule_id)
    .where(
        _failed_of_societe,
        or_(Echeance.statut.is_(None), and_(Echeance.statut != PAYEE, Echeance.statut != ANNULEE)),
        # What was ended while the bank had it is not presented again (R10).
        or_(Echeancier.statut.is_(None), Echeancier.statut != SCHEDULE_CANCELLED),
        # Its échéance may have been paid, or be debited, in another way meanwhile.
        ~select(_other.id)
        .where(
            _other.echeance_id == Payment.echeance_id,
            _other.statut == any_(bindparam("live", type_=ARRAY(String))),
        )
        .correlate(Payment)
        .exists(),
    )
    .order_by(Payment.id)
)
_TIMES = select(func.count()).where(
    PaymentTransition.payment_id == bindparam("payment_id"),
    PaymentTransition.de == FAILED,
    PaymentTransition.vers == PENDING,
)


async def rearm(app: App[Any], organisation_id: str, societe_id: str) -> int:
    """Make the FAILED debits of a société PENDING again, or tell the finance team that it was in vain.

    Those whose contract is over end with it (R34); return how many wait because it cannot be asked for.
    """
    reader, place = app.database.read(), {"organisation_id": organisation_id, "societe_id": societe_id}
    unknown = await follow(app, await reader.all(_UNDER_CONTRACT, **place))
    failed: list[Any] = await reader.all(_FAILED, **place, live=list(LIVE))
    for payment_id, schedule_id in failed:
        if schedule_id not in unknown:
            await _rearm_one(app.database, payment_id)
    return sum(schedule_id in unknown for _, schedule_id in failed)


async def _rearm_one(database: Database, payment_id: UUID) -> None:
    async with database.transaction() as tx:
        payment = await tx.get(Payment, payment_id, lock=True)
        if payment is not None and payment.statut == FAILED:
            await _again(tx, payment)


async def _again(tx: Transaction, payment: Payment) -> None:
    if (await tx.one(_TIMES, payment_id=payment.id) or 0) < MOST_REARMED:
        await transition(tx, payment, PENDING, cause=REARME)
        return
    await alert(
        tx,
        payment.organisation_id,
        f"rearmement:{payment.id}",
        niveau=CRITIQUE,
        titre="Prélèvement refusé par la banque",
        message=f"Le prélèvement {payment.id} de {payment.montant:.2f} € a été refusé {MOST_REARMED + 1} fois"
        " pour une raison technique. Il ne sera plus remis à la banque.",
        metadata={"payment_id": str(payment.id)},
    )
