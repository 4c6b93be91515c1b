"""The state machine of a payment (R13): the one place that changes its statut, and remembers why."""

from collections.abc import Mapping
from typing import Any, Final

from db_utils import Transaction
from grpc_utils.errors import TransitionInterdite

from service_payments.groupes import Groupes
from service_payments.models import (
    CANCELLED,
    FAILED,
    PAID,
    PARTIALLY_REFUNDED,
    PENDING,
    REFUNDED,
    REJECTED,
    SEPA_DEBIT,
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
_BY_DEBIT: Final = frozenset({SUBMITTED, FAILED})  # only what is collected is handed to a bank


def emitted(payment: Payment) -> bool:
    """Tell whether *payment* was in a file for the bank once, as a debit that is PENDING again was."""
    return payment.remise_id is not None


def ways(payment: Payment) -> frozenset[str]:
    """Return the statuts to which *payment* may go from where it is.

    A direct debit that no bank has seen is not PAID, and what is no direct debit is never SUBMITTED.
    """
    allowed = WAYS.get(payment.statut, frozenset())
    if payment.moyen != SEPA_DEBIT:
        return allowed - _BY_DEBIT
    return allowed if payment.statut != PENDING or emitted(payment) else allowed - {PAID}


def require_way(payment: Payment, vers: str) -> None:
    """Refuse a change that is not listed. Raises TransitionInterdite."""
    allowed = ways(payment)
    if vers not in allowed:
        possible = ", ".join(sorted(allowed)) or "aucun"
        raise TransitionInterdite(f"possibles : {possible}", de=payment.statut, vers=vers)


async def transition(
    tx: Transaction,
    payment: Payment,
    vers: str,
    *,
    cause: str,
    acteur: str = "",
    groupes: Groupes | None = None,
    **columns: Any,
) -> Payment:
    """Bring *payment*, which is locked, to *vers*, and note it. Raises TransitionInterdite (R13).

    With *groupes* the change waits for others like it.
    """
    require_way(payment, vers)
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
    if groupes is None:
        return await tx.update(payment, statut=vers, **columns)
    await groupes.change(payment, statut=vers, **columns)
    return payment
