"""PaymentService: payments made, confirmed, refused, refunded and presented again by people and by retry."""

from typing import Any

from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentServiceServicer
from db_utils import Listing, Reader, Scope, within
from grpc_utils import (
    Context,
    at_most,
    caller,
    found,
    list_answer,
    one_of,
    optional_date,
    page_of,
    required,
    to_message,
)
from service_kit import App
from sqlalchemy import ARRAY, String, any_, bindparam, cast, select

from service_payments import creation, remboursements, representations, retours_manuels
from service_payments import paiements_rules as rules
from service_payments.issues import issues
from service_payments.models import PAYMENT_STATUTS, Echeance, Payment, PaymentTransition
from service_payments.settings import PaymentsSettings
from service_payments.verrous import locked_one

PAYMENTS = Listing(
    Payment,
    sorts=("created_at desc",),
    filters={
        "client_id": None,
        "schedule_id": None,
        "facture_id": None,
        "contrat_id": None,
        "moyen": None,
        "statut": lambda wanted: Payment.statut == any_(cast(wanted, ARRAY(String))),
        "date_from": lambda day: Payment.date_prelevement >= day,
        "date_to": lambda day: Payment.date_prelevement <= day,
    },
)
CONFIRMATION = "CONFIRMATION"  # cause

_WAY = (
    select(PaymentTransition)
    .where(PaymentTransition.payment_id == bindparam("payment_id"))
    .order_by(PaymentTransition.id)
)
_STATUT = select(Echeance.statut).where(Echeance.id == bindparam("echeance_id"))


class PaymentService(PaymentServiceServicer):
    """Payments of the caller's organisation."""

    def __init__(self, app: App[PaymentsSettings]) -> None:
        self._app, self._db = app, app.database

    async def Create(self, request: pb.CreatePaymentRequest, context: Context) -> pb.Payment:
        """Make a payment by hand; it takes the échéance that it pays (R33)."""
        return to_message(await creation.create(self._app, request), pb.Payment)

    async def Get(self, request: pb.GetPaymentRequest, context: Context) -> pb.Payment:
        """Read a payment with the way that it has gone."""
        reader = self._db.read()
        payment = found(await reader.get(Payment, request.id))
        with within(Scope(payment.organisation_id)):  # a service may ask without one (C6)
            return await _whole(reader, payment)

    async def List(self, request: pb.ListPaymentsRequest, context: Context) -> pb.ListPaymentsResponse:
        """List payments, the newest first."""
        page = await page_of(
            PAYMENTS,
            self._db.read(),
            request,
            statut=sorted({one_of(one, PAYMENT_STATUTS, "statut") for one in request.statut}) or None,
            date_from=optional_date(request.date_from, "date_from"),
            date_to=optional_date(request.date_to, "date_to"),
        )
        return list_answer(pb.ListPaymentsResponse, page)

    async def Confirm(self, request: pb.ConfirmPaymentRequest, context: Context) -> pb.Payment:
        """Note that the money is there (R18)."""
        reference = at_most(request.reference_externe, rules.LONGEST_TEXT, "reference_externe") or None
        async with self._db.transaction() as tx:
            payment = await locked_one(tx, request.id)
            rules.require_confirmable(payment)
            day = rules.received_on(request.date_reception, payment)
            async with issues(tx) as outcome:
                await outcome.paid(
                    payment,
                    day,
                    cause=CONFIRMATION,
                    acteur=caller().author,
                    reference_externe=reference,
                )
        return to_message(payment, pb.Payment)

    async def Reject(self, request: pb.RejectPaymentRequest, context: Context) -> pb.Payment:
        """Note that the bank has refused or sent back a payment (R19, R22)."""
        return to_message(await retours_manuels.reject(self._app, request), pb.Payment)

    async def Cancel(self, request: pb.CancelPaymentRequest, context: Context) -> pb.Payment:
        """Give up a payment that no bank has yet (R13)."""
        motif = at_most(required(request.motif, "motif"), rules.LONGEST_MOTIF, "motif")
        async with self._db.transaction() as tx:
            payment = await locked_one(tx, request.id)
            async with issues(tx) as outcome:
                await outcome.cancelled(payment, cause=motif, acteur=caller().author)
        return to_message(payment, pb.Payment)

    async def Refund(self, request: pb.RefundPaymentRequest, context: Context) -> pb.Payment:
        """Note that a payment is given back, whole or in part (R21)."""
        return to_message(await remboursements.refund(self._app, request), pb.Payment)

    async def Retry(self, request: pb.RetryPaymentRequest, context: Context) -> pb.Payment:
        """Present a refused debit again (R20)."""
        return to_message(await representations.retry(self._app, request), pb.Payment)


async def _whole(reader: Reader, payment: Payment) -> pb.Payment:
    way: list[Any] = await reader.all(_WAY, payment_id=payment.id)
    statut = (
        await reader.one(_STATUT, echeance_id=payment.echeance_id)
        if payment.echeance_id is not None
        else None
    )
    return to_message(
        payment,
        pb.Payment,
        echeance_statut=statut or "",
        transitions=[to_message(step, pb.PaymentTransition) for step in way],
    )
