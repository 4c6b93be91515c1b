"""PaymentService/Retry: a refused debit is presented again, for retry or for a person (R20)."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any, Final

from crm.factures.factures_pb2 import Facture
from crm.payments import payments_pb2 as pb
from db_utils import Transaction, clock
from grpc_utils import civil_date, found, insert_once, required
from service_kit import App
from sqlalchemy import bindparam, or_, select

from service_payments import calendrier, suites
from service_payments import paiements_rules as rules
from service_payments.cles import made_before
from service_payments.creanciers import notice_of
from service_payments.factures_lues import facture_of
from service_payments.mandats_choisis import mandat_of
from service_payments.models import (
    ANNULEE,
    EN_COURS,
    REJECTED,
    SEPA_DEBIT,
    Echeance,
    Echeancier,
    Payment,
)
from service_payments.verrous import IS_LIVE, locked_one

_OVER: Final = ("PAYEE", "ANNULEE")  # invoices of which nothing is owed
_LIVE = (
    select(Payment.id)
    .where(
        Payment.organisation_id == bindparam("organisation_id"),
        IS_LIVE,
        or_(
            Payment.echeance_id == bindparam("echeance_id", type_=Payment.echeance_id.type),
            Payment.parent_payment_id == bindparam("payment_id", type_=Payment.id.type),
        ),
    )
    .limit(1)
)


async def retry(app: App[Any], request: pb.RetryPaymentRequest) -> Payment:
    """Make the payment that presents a refused one again, once per key. Raises FailedPrecondition."""
    reader = app.database.read()
    known = found(await reader.get(Payment, required(request.payment_id, "payment_id")), "payment_id")
    key = required(request.idempotency_key, "idempotency_key")
    made = await made_before(reader, Payment, known.organisation_id, key, request)
    if made is not None:
        return made
    day = civil_date(required(request.date_prelevement, "date_prelevement"), "date_prelevement")
    _require_rejected(known)
    facture, _ = await asyncio.gather(
        facture_of(app, known.facture_id), _require_presentable(app, known, day)
    )
    async with app.database.transaction() as tx:
        original = await locked_one(tx, request.payment_id)
        made = await made_before(tx, Payment, known.organisation_id, key, request)
        return made or await _presented(tx, original, request, day, facture)


async def _presented(
    tx: Transaction, original: Payment, request: pb.RetryPaymentRequest, day: date, facture: Facture | None
) -> Payment:
    _require_rejected(original)
    schedule = await tx.get(Echeancier, original.schedule_id) if original.schedule_id else None
    echeance = await tx.get(Echeance, original.echeance_id, lock=True) if original.echeance_id else None
    if echeance is not None and echeance.statut == ANNULEE:
        raise rules.EcheanceAnnulee
    if await tx.one(
        _LIVE,
        organisation_id=original.organisation_id,
        echeance_id=original.echeance_id,
        payment_id=original.id,
    ):
        raise rules.PaiementEnCours
    mandat = await mandat_of(tx, original, schedule)
    montant = min(original.montant, _owed(facture)) if facture is not None else original.montant
    payment = rules.retried(original, request, day, montant=montant, mandat_id=mandat.id)
    stored = await insert_once(tx, payment)
    if stored is payment and echeance is not None:
        await tx.update(echeance, statut=EN_COURS)
        await suites.tell_calendar(tx, payment, echeance, suites.PROCESSING, clock.today())
    return stored


def _require_rejected(payment: Payment) -> None:
    if payment.statut != REJECTED or payment.moyen != SEPA_DEBIT:
        raise rules.PaiementNonRejete(statut=payment.statut)


def _owed(facture: Facture) -> Decimal:
    solde = Decimal(str(facture.solde))
    if facture.statut in _OVER or solde <= 0:
        raise rules.DejaReglee
    return solde


async def _require_presentable(app: App[Any], payment: Payment, day: date) -> None:
    """Refuse a day on which no debit is made, or that a file of today does not reach any more."""
    organisation_id, societe_id = payment.organisation_id, payment.societe_id
    _, delai = await notice_of(app, organisation_id, societe_id)
    possible, earliest = await asyncio.gather(
        calendrier.eligible(app, organisation_id, societe_id, day),
        calendrier.business_day(app, organisation_id, societe_id, clock.today(), delai),
    )
    if not possible or day < earliest:
        raise rules.DateNonEligible(au_plus_tot=earliest.isoformat())
