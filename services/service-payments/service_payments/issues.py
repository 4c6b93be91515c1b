"""Outcomes of payments with all they bring along (R18, R19), in the transaction of the caller.

    async with issues(tx) as outcome:
        await outcome.paid(payment, day, cause=CONFIRMATION)

The payments are locked (`verrous.py`). What many payments share is written once, at the end of the
block, by `repercussions.py`. Events stand here and nowhere else: one for the first PAID, one for REJECTED.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time
from typing import Any, Final

from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from db_utils import Transaction, clock
from grpc_utils import timestamp
from nats_utils import publish
from sqlalchemy import bindparam, select

from service_payments import suites
from service_payments.groupes import Groupes
from service_payments.models import (
    CANCELLED,
    FAILED,
    IMPAYEE,
    PAID,
    PARTIALLY_REFUNDED,
    PAYEE,
    PENDING,
    REJECTED,
    REJET,
    SEPA_DEBIT,
    Payment,
)
from service_payments.repercussions import Effet, write
from service_payments.transitions import transition
from service_payments.verrous import IS_LIVE

INCONNU: Final = "INCONNU"  # motif_rejet of a return without a code (R26)
DEJA_REGLEE: Final = "DEJA_REGLEE"  # cause

_RIVAL = (
    select(Payment)
    .where(
        Payment.echeance_id == bindparam("echeance_id"),
        Payment.id != bindparam("payment_id"),
        IS_LIVE,
    )
    .with_for_update()
)


@asynccontextmanager
async def issues(tx: Transaction) -> AsyncIterator["Issues"]:
    """Collect outcomes, and write what they share when the block ends well."""
    outcome = Issues(tx)
    yield outcome
    await outcome.groupes.flush()
    await write(tx, outcome.effets)


class Issues:
    """The outcomes of one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx, self.groupes = tx, Groupes(tx)
        self.effets: list[Effet] = []

    async def paid(
        self, payment: Payment, day: date, *, cause: str, acteur: str = "", **columns: Any
    ) -> None:
        """Note that the money of *payment* came on *day*. Raises TransitionInterdite."""
        day = min(day, clock.today())  # a bank may book ahead; nothing is received tomorrow
        if payment.statut == FAILED:
            columns |= await self._make_way(payment)
            await self.groupes.flush()  # one of an échéance lives at a time: the other one first
        await transition(
            self._tx,
            payment,
            PAID,
            cause=cause,
            acteur=acteur,
            groupes=self.groupes,
            date_reception=day,
            **columns,
        )
        publish(self._tx, _received(payment, day))
        await suites.register(self._tx, payment, day)
        await suites.tell_retry(self._tx, payment, day)
        settled = day if payment.moyen == SEPA_DEBIT else None
        self.effets.append(Effet(payment, day, PAYEE, suites.EXECUTED, settled))

    async def rejected(
        self,
        payment: Payment,
        day: date,
        code: str,
        *,
        r_type: str,
        cause: str,
        acteur: str = "",
        **columns: Any,
    ) -> None:
        """Note that *payment* was refused or came back on *day*. Raises TransitionInterdite."""
        was_paid = payment.statut in (PAID, PARTIALLY_REFUNDED)
        code = code or INCONNU
        await transition(
            self._tx,
            payment,
            REJECTED,
            cause=cause,
            acteur=acteur,
            groupes=self.groupes,
            motif_rejet=code,
            date_rejet=day,
            r_type=r_type,
            **columns,
        )
        publish(self._tx, _rejected(payment, day))
        if was_paid:
            await suites.take_back(self._tx, payment, payment.montant - payment.montant_rembourse)
            await suites.claw_back(self._tx, payment, day)
        # What comes back was settled once, also when nobody has told us of it (R18).
        settled = payment.date_prelevement if r_type != REJET and not was_paid else None
        self.effets.append(Effet(payment, day, IMPAYEE, suites.DEBIT_FAILED, settled, code))

    async def failed(self, payment: Payment, code: str, texte: str, *, cause: str) -> None:
        """Note that the file or batch of *payment* was refused: it goes out again (R13)."""
        await transition(
            self._tx,
            payment,
            FAILED,
            cause=cause,
            groupes=self.groupes,
            motif_rejet=code or INCONNU,
            motif_texte=texte or None,
        )
        await suites.tell_retry(self._tx, payment, clock.today())

    async def cancelled(self, payment: Payment, *, cause: str, acteur: str = "") -> None:
        """Note that *payment* is not wanted any more. Raises TransitionInterdite."""
        await transition(self._tx, payment, CANCELLED, cause=cause, acteur=acteur, groupes=self.groupes)
        await suites.tell_retry(self._tx, payment, clock.today())
        # The échéance of a retry is as unpaid as before; that of a first payment keeps its invoice.
        echeance = IMPAYEE if payment.parent_payment_id else ""
        self.effets.append(Effet(payment, clock.today(), echeance))

    async def _make_way(self, payment: Payment) -> dict[str, Any]:
        """An échéance has one live payment: cancel another that still waits, or leave the échéance to it."""
        if payment.echeance_id is None:
            return {}
        await self.groupes.flush()  # another one may have been settled just now
        rival = await self._tx.one(_RIVAL, echeance_id=payment.echeance_id, payment_id=payment.id)
        if rival is None:
            return {}
        if rival.statut != PENDING:
            return {"echeance_id": None}
        await self.cancelled(rival, cause=DEJA_REGLEE)
        return {}


def noon(day: date) -> datetime:
    """The instant by which events carry a civil day, so that no reader's time zone shifts it (C3)."""
    return datetime.combine(day, time(12), UTC)


def _received(payment: Payment, day: date) -> PaymentReceivedEvent:
    return PaymentReceivedEvent(**_common(payment), date_reception=timestamp(noon(day)))


def _rejected(payment: Payment, day: date) -> PaymentRejectedEvent:
    return PaymentRejectedEvent(
        **_common(payment), motif_rejet=payment.motif_rejet or "", date_rejet=timestamp(noon(day))
    )


def _common(payment: Payment) -> dict[str, Any]:
    """What both events say: which payment of whom, and its amount, never what a bank has booked (R27)."""
    return {
        "payment_id": str(payment.id),
        "schedule_id": str(payment.schedule_id or ""),
        "client_id": payment.client_id,
        "montant": float(payment.montant),
        "organisation_id": payment.organisation_id,
        "societe_id": payment.societe_id,
        "facture_id": payment.facture_id or "",
        "contrat_id": payment.contrat_id or "",
    }
