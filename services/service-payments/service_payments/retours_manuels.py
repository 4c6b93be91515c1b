"""PaymentService/Reject: a return that a person tells, as a report of the bank would (R19, R22)."""

from datetime import date
from typing import Any

from crm.payments import payments_pb2 as pb
from db_utils import Transaction
from grpc_utils import caller, found
from service_kit import App

from service_payments import calendrier, r_types
from service_payments import paiements_rules as rules
from service_payments.issues import issues
from service_payments.models import Payment
from service_payments.sepa_models import CORE, Mandat
from service_payments.verrous import locked_one

REJET_MANUEL = "REJET_MANUEL"  # cause


async def reject(app: App[Any], request: pb.RejectPaymentRequest) -> Payment:
    """Note the return of *request*. Raises Introuvable, InvalidArgument, TransitionInterdite."""
    known = found(await app.database.read().get(Payment, request.id))
    rejet = rules.rejection(request, known)
    last_return = await _last_return(app, known) if rejet.code == r_types.NOT_AUTHORISED else None
    async with app.database.transaction() as tx:
        payment = await locked_one(tx, request.id)
        async with issues(tx) as outcome:
            await outcome.rejected(
                payment,
                rejet.day,
                rejet.code,
                r_type=r_types.kind(
                    rejet.code, await _schema(tx, payment), rejet.day, payment.date_prelevement, last_return
                ),
                cause=REJET_MANUEL,
                acteur=caller().author,
                motif_texte=rejet.texte,
            )
    return payment


async def _last_return(app: App[Any], payment: Payment) -> date | None:
    if payment.date_prelevement is None:
        return None
    return await calendrier.last_return(
        app, payment.organisation_id, payment.societe_id, payment.date_prelevement
    )


async def _schema(tx: Transaction, payment: Payment) -> str:
    mandat = await tx.get(Mandat, payment.mandat_id) if payment.mandat_id else None
    return mandat.schema if mandat is not None else CORE
