"""A refused debit is presented again (R20), by retry or by a person."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest
from crm.calendar.calendar_pb2 import AddBusinessDaysRequest
from crm.calendar.calendar_pb2_grpc import CalendarEngineServiceStub
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from db_utils import clock
from service_payments.models import Payment
from service_testing import Mesh, refusal
from tests.debits_due import Debits
from tests.encaissements import Encaissements


@pytest.fixture
async def day(mesh: Mesh, org: str) -> str:
    """The third banking day from now."""
    calendar = mesh.service_stub(CalendarEngineServiceStub, caller="payments", organisation=org)
    request = AddBusinessDaysRequest(organisation_id=org, date=clock.today().isoformat(), days=3)
    return str((await calendar.AddBusinessDays(request)).date)


async def refused_debit(banque: Encaissements, **fields: Any) -> Payment:
    mandat = await banque.mandat()
    told = {"statut": "REJECTED", "client_id": mandat.client_id, "mandat_id": mandat.id}
    return await banque.submitted("49.90", **told | fields)


def asked(debit: Payment, day: str, key: str = "k1") -> pb.RetryPaymentRequest:
    return pb.RetryPaymentRequest(
        payment_id=str(debit.id), date_prelevement=day, retry_attempt_id="essai-1", idempotency_key=key
    )


async def test_R20_a_refused_debit_gets_a_new_payment(
    paiements: PaymentServiceStub, banque: Encaissements, due: Debits, day: str
) -> None:
    """Of what is still owed, for the same échéance; the key again is the same payment."""
    facture = await due.facture()
    await due.paid(facture, 9.90)
    echeance = await banque.echeance()
    debit = await refused_debit(
        banque, facture_id=facture.id, echeance_id=echeance.id, schedule_id=echeance.echeancier_id
    )
    made, again = [await paiements.Retry(asked(debit, day)) for _ in range(2)]
    assert made.id == again.id
    assert ("PENDING", 40.0, str(debit.id), "essai-1", str(echeance.id), day) == (
        made.statut,
        made.montant,
        made.parent_payment_id,
        made.retry_attempt_id,
        made.echeance_id,
        made.date_prelevement,
    )
    assert (await paiements.Get(pb.GetPaymentRequest(id=made.id))).echeance_statut == "EN_COURS"


@pytest.mark.parametrize("with_echeance", [True, False])
async def test_R20_one_presentation_lives_at_a_time(
    paiements: PaymentServiceStub, banque: Encaissements, day: str, with_echeance: bool
) -> None:
    """Two keys at once make one payment."""
    place: dict[str, Any] = {}
    if with_echeance:
        echeance = await banque.echeance()
        place = {"echeance_id": echeance.id, "schedule_id": echeance.echeancier_id}
    debit = await refused_debit(banque, **place)
    results = await asyncio.gather(
        *(paiements.Retry(asked(debit, day, key)) for key in ("k1", "k2")), return_exceptions=True
    )
    assert sum(isinstance(one, pb.Payment) for one in results) == 1
    refused = await refusal(paiements.Retry(asked(debit, day, "k3")))
    assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "PAIEMENT_EN_COURS")


async def test_R20_what_cannot_be_presented_is_refused(
    paiements: PaymentServiceStub, banque: Encaissements, due: Debits, day: str
) -> None:
    paid = await due.facture()
    await due.paid(paid, 49.90)
    cancelled = await banque.echeance(statut="CANCELLED")
    await banque.set(cancelled, statut="ANNULEE")
    suspended = await banque.mandat(statut="SUSPENDU")
    cases = {
        "PAIEMENT_NON_REJETE": await banque.submitted(),
        "DEJA_REGLEE": await refused_debit(banque, facture_id=paid.id),
        "ECHEANCE_ANNULEE": await refused_debit(
            banque, echeance_id=cancelled.id, schedule_id=cancelled.echeancier_id
        ),
        "MANDAT_ABSENT": await refused_debit(banque, mandat_id=suspended.id, client_id=suspended.client_id),
    }
    answers = {reason: await refusal(paiements.Retry(asked(debit, day))) for reason, debit in cases.items()}
    assert {(reason, "FAILED_PRECONDITION") for reason in cases} == {
        (one.reason, one.code.name) for one in answers.values()
    }


async def test_R20_a_day_is_eligible_and_far_enough(
    paiements: PaymentServiceStub, banque: Encaissements
) -> None:
    debit = await refused_debit(banque)
    today = clock.today()
    sunday = today + timedelta(days=20 - today.weekday())
    for day in (today, sunday):
        assert isinstance(day, date)
        refused = await refusal(paiements.Retry(asked(debit, day.isoformat())))
        assert (refused.code.name, refused.reason) == ("FAILED_PRECONDITION", "DATE_NON_ELIGIBLE")
