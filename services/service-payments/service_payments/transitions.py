"""The state machine of a payment (R13): the one place that changes its statut, and remembers why."""

from collections.abc import Mapping
from typing import Final

from db_utils import Transaction
from grpc_utils.errors import TransitionInterdite

from service_payments.models import (
    CANCELLED,
    FAILED,
    PAID,
    PARTIALLY_REFUNDED,
    PENDING,
    REFUNDED,
    REJECTED,
    SUBMITTED,
    Payment,
    PaymentTransition,
)

WAYS: Final[Mapping[str, frozenset[str]]] = {
    PENDING: frozenset({SUBMITTED, PAID, CANCELLED, FAILED}),
    SUBMITTED: frozenset({PAID, REJECTED, FAILED}),
    FAILED: frozenset({PENDING, PAID}),
    PAID: frozenset({REJECTED, PARTIALLY_REFUNDED, REFUNDED}),
    PARTIALLY_REFUNDED: frozenset({REFUNDED, REJECTED}),
}


async def transition(
    tx: Transaction, payment: Payment, vers: str, *, cause: str, acteur: str = "", **columns: object
) -> Payment:
    """Bring *payment*, which is locked, to *vers*, and note it. Raises TransitionInterdite (R13)."""
    allowed = WAYS.get(payment.statut, frozenset())
    if vers not in allowed:
        possible = ", ".join(sorted(allowed)) or "aucun"
        raise TransitionInterdite(
            f"de {payment.statut} à {vers}", f"possibles : {possible}", de=payment.statut, vers=vers
        )
    await tx.insert(
        PaymentTransition(
            organisation_id=payment.organisation_id,
            payment_id=payment.id,
            de=payment.statut,
            vers=vers,
            cause=cause,
            acteur=acteur,
        )
    )
    return await tx.update(payment, statut=vers, **columns)
