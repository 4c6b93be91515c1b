"""What payments knows of a rejected debit, as this service reads it (R3, R9)."""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeVar

import grpc
from crm.events.business_pb2 import PaymentRejectedEvent
from crm.payments.payments_pb2 import GetCreancierRequest, GetPaymentRequest, Payment
from crm.payments.payments_pb2_grpc import PaymentServiceStub, SepaServiceStub
from grpc_utils import answered_or_none, money, optional_date
from grpc_utils.errors import DependanceIndisponible
from service_kit import App

T = TypeVar("T")

SEPA_DEBIT: Final = "SEPA_DEBIT"
DELAI_REMISE: Final = 2  # eligible days, of a société without settings at payments (R5)


@dataclass(frozen=True, slots=True)
class Rejet:
    """A rejected payment: what became of it (*code*, *jour*), and what it was.

    *moyen* is empty and *a_lire* true when payments could not be asked; *retry_attempt_id* is the
    attempt that it was made for.
    """

    payment_id: str
    organisation_id: str
    client_id: str
    code: str
    jour: date
    montant: Decimal
    societe_id: str = ""
    schedule_id: str = ""
    facture_id: str = ""
    contrat_id: str = ""
    moyen: str = ""
    retry_attempt_id: str = ""
    date_prelevement: date | None = None
    a_lire: bool = False


async def payment(app: App[Any], payment_id: str) -> Payment | None:
    """The payment, None when payments does not know it. Raises Unavailable and refusals."""
    stub = app.peers.stub(PaymentServiceStub)
    return await _answer(stub.Get(GetPaymentRequest(id=payment_id)))


async def delai_remise(app: App[Any], societe_id: str) -> int:
    """Eligible days between the remise of a debit of the société and its day (R5). Raises like `payment`."""
    stub = app.peers.stub(SepaServiceStub)
    creancier = await _answer(stub.GetCreancier(GetCreancierRequest(societe_id=societe_id)))
    return (creancier.delai_remise_jours_ouvres if creancier else 0) or DELAI_REMISE


async def _answer(call: Awaitable[T]) -> T | None:
    """Await *call*; payments of a version that does not know the method yet is as good as away."""
    try:
        return await answered_or_none(call)
    except grpc.aio.AioRpcError as error:
        if error.code() != grpc.StatusCode.UNIMPLEMENTED:
            raise
        raise DependanceIndisponible(service="payments") from error


def rejet_of_payment(known: Payment, code: str, jour: date) -> Rejet:
    """The rejection for *code* on *jour* of a payment that payments knows."""
    return Rejet(
        payment_id=known.id,
        organisation_id=known.organisation_id,
        client_id=known.client_id,
        code=code,
        jour=jour,
        montant=money(known.montant, "montant"),
        societe_id=known.societe_id,
        schedule_id=known.schedule_id,
        facture_id=known.facture_id,
        contrat_id=known.contrat_id,
        moyen=known.moyen,
        retry_attempt_id=known.retry_attempt_id,
        date_prelevement=optional_date(known.date_prelevement, "date_prelevement"),
    )


def rejet_of_event(
    event: PaymentRejectedEvent, organisation_id: str, societe_id: str, code: str, jour: date
) -> Rejet:
    """The rejection as *event* alone tells it: a debit, of a payment that payments does not know (R9)."""
    return Rejet(
        payment_id=event.payment_id,
        organisation_id=organisation_id,
        client_id=event.client_id,
        code=code,
        jour=jour,
        montant=money(event.montant, "montant"),
        societe_id=societe_id,
        schedule_id=event.schedule_id,
        facture_id=event.facture_id,
        contrat_id=event.contrat_id,
        moyen=SEPA_DEBIT,
    )


def unread(rejet: Rejet) -> Rejet:
    """*rejet* of a payment that could not be read yet (R9)."""
    return replace(rejet, moyen="", a_lire=True)
