"""PaymentService/Refund: money that goes back to the client by the hands of the finance team (R21).

Factures hears of a refund by a command, later than this. So what it says of an invoice is read first, and
every refund that it may not know yet is taken off: two refunds at once never exceed what was paid too much.
"""

from collections.abc import Collection
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crm.factures.factures_pb2 import Facture
from crm.payments import payments_pb2 as pb
from db_utils import Reader, Transaction
from grpc_utils import caller, found, insert_once, required, written_amount
from service_kit import App
from service_kit.outgoing import ENVOYEE, CommandeSortante
from sqlalchemy import bindparam, func, select

from service_payments import paiements_rules as rules
from service_payments import suites
from service_payments.cles import made_before
from service_payments.factures_lues import facture_of
from service_payments.models import PARTIALLY_REFUNDED, REFUNDED, Payment, Remboursement
from service_payments.transitions import transition
from service_payments.verrous import locked_one

REMBOURSEMENT: Final = "REMBOURSEMENT"  # cause
_OF_FACTURE = (
    select(Remboursement.id, Remboursement.montant)
    .join(Payment, Payment.id == Remboursement.payment_id)
    .where(
        Payment.organisation_id == bindparam("organisation_id"),
        Payment.facture_id == bindparam("facture_id"),
    )
)
_SENT = select(CommandeSortante.cle).where(
    CommandeSortante.organisation_id == bindparam("organisation_id"),
    CommandeSortante.type == suites.ANNULATION.name,
    CommandeSortante.etat == ENVOYEE,
    CommandeSortante.cle.in_(
        select(func.concat("remboursement:", Remboursement.id))
        .join(Payment, Payment.id == Remboursement.payment_id)
        .where(Payment.facture_id == bindparam("facture_id"))
    ),
)


async def refund(app: App[Any], request: pb.RefundPaymentRequest) -> Payment:
    """Note a refund, once per key. Raises AvoirRequis, MontantTropEleve, TransitionInterdite."""
    reader = app.database.read()
    known = found(await reader.get(Payment, request.id))
    asked = rules.new_remboursement(request, known)
    key = required(request.idempotency_key, "idempotency_key")
    if await made_before(reader, Remboursement, known.organisation_id, key, request):
        return known
    told = await _told(reader, known)
    facture = await facture_of(app, known.facture_id)
    async with app.database.transaction() as tx:
        await tx.lock("remboursement", known.organisation_id, known.facture_id or str(known.id))
        payment = await locked_one(tx, request.id)
        if await made_before(tx, Remboursement, known.organisation_id, key, request):
            return payment
        left = rules.refundable(payment)
        if asked.montant > left:
            raise rules.MontantTropEleve(f"reste : {written_amount(left)}", champ="montant")
        if facture is not None:
            await _require_overpaid(tx, payment, facture, asked.montant, told)
        await _note(tx, payment, await insert_once(tx, asked))
    return payment


async def _told(reader: Reader, payment: Payment) -> Collection[str]:
    """The refunds of the invoice that factures has heard of, by the keys of their commands."""
    place = {"organisation_id": payment.organisation_id, "facture_id": payment.facture_id}
    return set(await reader.all(_SENT, **place)) if payment.facture_id else ()


async def _require_overpaid(
    tx: Transaction, payment: Payment, facture: Facture, montant: Decimal, told: Collection[str]
) -> None:
    """Refuse a refund beyond what the invoice was paid too much, so that it never reopens it."""
    refunds: list[tuple[UUID, Decimal]] = await tx.all(
        _OF_FACTURE, organisation_id=payment.organisation_id, facture_id=payment.facture_id
    )
    unheard = sum((one for row_id, one in refunds if f"remboursement:{row_id}" not in told), Decimal(0))
    if montant > Decimal(str(facture.trop_percu)) - unheard:
        raise rules.AvoirRequis


async def _note(tx: Transaction, payment: Payment, remboursement: Remboursement) -> None:
    total = payment.montant_rembourse + remboursement.montant
    statut = REFUNDED if total == payment.montant else PARTIALLY_REFUNDED
    if statut == payment.statut:
        await tx.update(payment, montant_rembourse=total)
    else:
        await transition(
            tx, payment, statut, cause=REMBOURSEMENT, acteur=caller().author, montant_rembourse=total
        )
    await suites.refund(tx, payment, remboursement)
    await suites.claw_back_refund(tx, payment, remboursement)
