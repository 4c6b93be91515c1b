"""PaymentService/Create: a payment made by hand, for an invoice, a schedule, or by itself (R33)."""

from collections.abc import Mapping
from typing import Any, Final

from crm.factures.factures_pb2 import Facture
from crm.payments import payments_pb2 as pb
from db_utils import Transaction, clock
from grpc_utils import found, insert_once
from service_kit import App
from sqlalchemy import bindparam, exists, select

from service_payments import paiements_rules as rules
from service_payments import suites
from service_payments.cles import made_before
from service_payments.factures_lues import facture_of
from service_payments.mandats_choisis import mandat_of
from service_payments.models import (
    ANNULEE,
    EN_COURS,
    PAYEE,
    SEPA_DEBIT,
    Echeance,
    Echeancier,
    Payment,
)
from service_payments.sepa_models import Mandat
from service_payments.verrous import IS_LIVE

_UNPAID: Final = (
    select(Echeance)
    .where(
        Echeance.organisation_id == bindparam("organisation_id"),
        Echeance.facture_id == bindparam("facture_id"),
        Echeance.montant <= bindparam("montant", type_=Echeance.montant.type),
        Echeance.statut != PAYEE,
        Echeance.statut != ANNULEE,
        ~exists().where(Payment.echeance_id == Echeance.id, IS_LIVE),
    )
    .order_by(Echeance.rang)
    .limit(1)
)


async def create(app: App[Any], request: pb.CreatePaymentRequest) -> Payment:
    """Make the payment of *request*, once per key. Raises InvalidArgument, MandatAbsent, Introuvable."""
    asked = rules.asked_payment(request)
    organisation_id, key = request.organisation_id, request.idempotency_key
    known = await made_before(app.database.read(), Payment, organisation_id, key, request)
    if known is not None:
        return known
    facture = await facture_of(app, asked["facture_id"])
    async with app.database.transaction() as tx:
        schedule = await _schedule(tx, request.schedule_id)
        columns = asked | await _place(tx, request, facture, schedule)
        echeance = await _unpaid(tx, columns)
        if echeance is not None:
            columns |= {"echeance_id": echeance.id, "schedule_id": echeance.echeancier_id}
        payment = rules.new_payment(**columns)
        if payment.moyen == SEPA_DEBIT:
            mandat = await mandat_of(tx, payment, schedule)
            payment = rules.new_payment(**columns | {"mandat_id": mandat.id})
        stored = await insert_once(tx, payment)
        if stored is payment and echeance is not None:
            await tx.update(echeance, statut=EN_COURS)
            await suites.tell_calendar(tx, payment, echeance, suites.PROCESSING, clock.today())
    return stored


async def _schedule(tx: Transaction, schedule_id: str) -> Echeancier | None:
    return found(await tx.get(Echeancier, schedule_id, lock=True), "schedule_id") if schedule_id else None


async def _place(
    tx: Transaction,
    request: pb.CreatePaymentRequest,
    facture: Facture | None,
    schedule: Echeancier | None,
) -> dict[str, Any]:
    """Return what the invoice, the schedule and the mandate of *request* say of its payment."""
    contrats = (facture.contrat_id if facture else None, schedule.contrat_id if schedule else None)
    columns: dict[str, Any] = {"contrat_id": next((one for one in contrats if one), None)}
    if schedule is not None:
        columns["schedule_id"] = schedule.id
    if not request.HasField("societe_id"):
        source: Any = facture or schedule
        columns["societe_id"] = source.societe_id if source is not None else ""
    if request.mandat_id:
        columns["mandat_id"] = found(await tx.get(Mandat, request.mandat_id), "mandat_id").id
    return columns


async def _unpaid(tx: Transaction, columns: Mapping[str, Any]) -> Echeance | None:
    """Lock the échéance of the invoice that nothing pays and that the amount is enough for (R33)."""
    if not columns["facture_id"]:
        return None
    place = {name: columns[name] for name in ("organisation_id", "facture_id", "montant")}
    candidate = await tx.one(_UNPAID, **place)
    if candidate is None:
        return None
    # Once its schedule is locked nobody else can take it; somebody may have taken it before.
    await tx.get(Echeancier, candidate.echeancier_id, lock=True)
    return await tx.one(_UNPAID, **place)
