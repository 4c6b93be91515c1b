"""Outcomes of attempts: what payments reports and announces, and what follows (R6, R13, R14, R18)."""

from typing import Any

import pytest
from crm.payments import payments_pb2
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryEngineServiceStub
from db_utils import uuid7
from grpc import StatusCode
from service_kit.outgoing import CommandeSortante
from service_testing import refused
from sqlalchemy import select
from tests.bureau import Bureau, actions_of, at, days_of


async def _presented(bureau: Bureau, **fields: Any) -> tuple[payments_pb2.Payment, payments_pb2.Payment]:
    """A debit rejected on 9 March and its first new presentation of 16 March."""
    payment = bureau.payment(**fields)
    await bureau.reject(payment, "2026-03-09")
    return payment, await bureau.submitted(payment, "2026-03-12")


async def test_R13_a_debit_that_is_paid_ends_the_schedule(bureau: Bureau) -> None:
    """Told twice, it is answered alike and changes nothing more."""
    payment, debit = await _presented(bureau)
    answers = [await bureau.report(debit, "PAID", "2026-03-16") for _ in range(2)]
    schedule = await bureau.schedule(payment)
    assert answers[0] == answers[1]
    assert (schedule.is_resolved, schedule.resolution_reason) == (True, "RETRY_SUCCEEDED")
    assert (schedule.eligibility, schedule.next_retry_date) == ("ELIGIBLE", "")
    assert days_of(schedule)[0][3] == "SUCCEEDED"
    assert actions_of(schedule).count("SUCCEEDED") == 1


async def test_R6_the_next_attempt_follows_a_failed_one(bureau: Bureau) -> None:
    """The story of March: 16/03 comes back on 18/03, 20/03 on 24/03, 30/03 is the last one."""
    payment, debit = await _presented(bureau)
    await bureau.reject(debit, "2026-03-18")
    assert days_of(await bureau.schedule(payment))[1:] == [(2, "2026-03-20", "2026-03-18", "SCHEDULED")]
    debit = await bureau.submitted(payment, "2026-03-18")
    await bureau.reject(debit, "2026-03-24")
    schedule = await bureau.schedule(payment)
    assert days_of(schedule)[2:] == [(3, "2026-03-30", "2026-03-26", "SCHEDULED")]
    assert [one.new_rejection_code for one in schedule.attempts] == ["AM04", "AM04", ""]


async def test_R14_after_the_last_attempt_nothing_follows(bureau: Bureau) -> None:
    """Relance and finance are told once, with the history."""
    payment, debit = await _presented(bureau, contrat_id="contrat-1")
    await bureau.reject(debit, "2026-03-18")
    await bureau.reject(await bureau.submitted(payment, "2026-03-18"), "2026-03-24")
    last = await bureau.submitted(payment, "2026-03-26")
    event = await bureau.reject(last, "2026-04-01")
    await bureau.mesh.deliver(event, timeout=30)
    schedule = await bureau.schedule(payment)
    assert (schedule.eligibility, schedule.resolution_reason) == (
        "NOT_ELIGIBLE_MAX_ATTEMPTS",
        "MAX_ATTEMPTS_REACHED",
    )
    (escalation,), (alerte,) = [await _owed(bureau, name) for name in ("escalade", "notification")]
    assert escalation.charge == {
        "organisation_id": bureau.org,
        "declencheur": "IMPAYE",
        "motif": "RETRY_EPUISE",
        "client_id": payment.client_id,
        "facture_id": "FAC-1",
        "contrat_id": "contrat-1",
        "cle": f"retry:{schedule.id}",
    }
    told = alerte.charge["message"]
    for day in ("16/03/2026", "20/03/2026", "30/03/2026"):
        assert f"du {day} rejetée (AM04)" in told
    assert alerte.charge["destinataire_id"] == "FINANCE"


async def test_R14_without_an_invoice_finance_alone_is_told(bureau: Bureau) -> None:
    """Relance reminds of invoices."""
    payment = bureau.payment(facture_id="")
    await bureau.reject(payment, "2026-02-09", when=at("2026-03-20"))
    schedule = await bureau.schedule(payment)
    assert schedule.resolution_reason == "MAX_ATTEMPTS_REACHED"
    assert (await _owed(bureau, "escalade"), len(await _owed(bureau, "notification"))) == ([], 1)


async def _owed(bureau: Bureau, name: str) -> list[CommandeSortante]:
    commands = select(CommandeSortante).where(CommandeSortante.type == name)
    rows = await bureau.mesh.database("retry").read().all(commands)
    return [row for row in rows if row.organisation_id == bureau.org]


async def test_R13_another_reason_ends_the_schedule(bureau: Bureau) -> None:
    """The account was closed meanwhile."""
    payment, debit = await _presented(bureau)
    await bureau.reject(debit, "2026-03-18", "AC04")
    schedule = await bureau.schedule(payment)
    assert (schedule.resolution_reason, schedule.eligibility) == ("NOT_ELIGIBLE_REASON_CODE",) * 2
    assert schedule.eligibility_reason == "compte clôturé : nouvelles coordonnées bancaires nécessaires"
    assert days_of(schedule) == [(1, "2026-03-16", "2026-03-12", "FAILED")]


async def test_R13_a_rejection_may_be_reported_as_well(bureau: Bureau) -> None:
    """Event and report are one outcome."""
    payment, debit = await _presented(bureau)
    await bureau.report(debit, "REJECTED", "2026-03-18", motif_rejet="AM04")
    await bureau.reject(debit, "2026-03-18")
    assert [one[3] for one in days_of(await bureau.schedule(payment))] == ["FAILED", "SCHEDULED"]


async def test_R13_a_technical_failure_changes_nothing(bureau: Bureau) -> None:
    """Payments presents the same payment again; the failure is noted once."""
    payment, debit = await _presented(bureau)
    for _ in range(2):
        await bureau.report(debit, "FAILED", "2026-03-13")
    schedule = await bureau.schedule(payment)
    assert (days_of(schedule)[0][3], schedule.is_resolved) == ("SUBMITTED", False)
    assert actions_of(schedule).count("TECHNICAL_FAILURE") == 1
    await bureau.report(debit, "PAID", "2026-03-17")
    assert (await bureau.schedule(payment)).resolution_reason == "RETRY_SUCCEEDED"


@pytest.mark.parametrize("settled", [True, False])
async def test_R13_a_debit_that_payments_cancels(bureau: Bureau, settled: bool) -> None:
    """The invoice was paid otherwise: the end. Else the next attempt."""
    facture = await bureau.facture()
    payment, debit = await _presented(bureau, facture_id=facture.id)
    if settled:
        await bureau.settled(facture)
    await bureau.report(debit, "CANCELLED", "2026-03-13")
    schedule = await bureau.schedule(payment)
    statuts = [one[3] for one in days_of(schedule)]
    if settled:
        assert (statuts, schedule.resolution_reason) == (["CANCELLED"], "PAYMENT_SETTLED")
    else:
        assert (statuts, schedule.next_retry_date) == (["CANCELLED", "SCHEDULED"], "2026-03-19")


async def test_R13_a_receipt_that_comes_after_its_return_changes_nothing(bureau: Bureau) -> None:
    """The event is faster than the report."""
    payment, debit = await _presented(bureau)
    await bureau.reject(debit, "2026-03-18")
    before = await bureau.schedule(payment)
    await bureau.report(debit, "PAID", "2026-03-16")
    assert await bureau.schedule(payment) == before


async def test_R13_other_transitions_are_refused(bureau: Bureau) -> None:
    """What has succeeded is not cancelled; what was cancelled is not paid."""
    _, debit = await _presented(bureau)
    await bureau.report(debit, "PAID", "2026-03-16")
    expected = (StatusCode.FAILED_PRECONDITION, "TRANSITION_INTERDITE")
    assert await refused(bureau.report(debit, "CANCELLED", "2026-03-17")) == expected
    _, other = await _presented(bureau)
    await bureau.report(other, "CANCELLED", "2026-03-13")
    assert await refused(bureau.report(other, "PAID", "2026-03-16")) == expected


async def test_R13_an_announced_outcome_that_cannot_be_is_a_dead_letter(bureau: Bureau) -> None:
    """A debit that payments cancelled does not come back; people look at it."""
    payment, debit = await _presented(bureau)
    await bureau.report(debit, "CANCELLED", "2026-03-13")
    before = await bureau.schedule(payment)
    event = await bureau.reject(debit, "2026-03-18")
    assert len(await bureau.mesh.dead_letters("retry", event)) == 1
    assert await bureau.schedule(payment) == before


async def test_R13_the_outcome_of_a_call_without_answer_is_applied(bureau: Bureau) -> None:
    """The rejection is known before the call was answered: the attempt is found by its id."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    await bureau.lost_call(payment, at("2026-03-12", 10))
    (debit,) = bureau.banque.debits_of(payment.id)
    await bureau.reject(debit, "2026-03-16")
    schedule = await bureau.schedule(payment)
    assert [one[3] for one in days_of(schedule)] == ["FAILED", "SCHEDULED"]
    assert (schedule.attempts[0].payment_id, schedule.current_attempt) == (debit.id, 1)
    await bureau.process(at("2026-03-16", 10), retry_schedule_id=schedule.id)
    assert len(bureau.banque.debits_of(payment.id)) == 1


async def test_R13_only_services_report(bureau: Bureau) -> None:
    """And only about payments of attempts."""
    payment, debit = await _presented(bureau)
    request = pb.ReportOutcomeRequest(payment_id=debit.id, statut="PAID", date="2026-03-16")
    stub = bureau.stub(RetryEngineServiceStub)
    assert await refused(stub.ReportOutcome(request)) == (
        StatusCode.PERMISSION_DENIED,
        "APPEL_INTERNE_SEULEMENT",
    )
    for payment_id in (payment.id, str(uuid7()), "virement-7"):
        unknown = payments_pb2.Payment(id=payment_id)
        assert await refused(bureau.report(unknown, "PAID", "2026-03-16")) == (
            StatusCode.NOT_FOUND,
            "INTROUVABLE",
        )


async def test_R18_a_late_return_opens_the_schedule_again(bureau: Bureau) -> None:
    """Of class RETRY: the next attempt follows."""
    payment, debit = await _presented(bureau)
    await bureau.report(debit, "PAID", "2026-03-16")
    await bureau.reject(debit, "2026-03-20")
    schedule = await bureau.schedule(payment)
    assert (schedule.is_resolved, schedule.resolution_reason) == (False, "")
    assert days_of(schedule) == [
        (1, "2026-03-16", "2026-03-12", "FAILED"),
        (2, "2026-03-24", "2026-03-20", "SCHEDULED"),
    ]
    assert "REOPENED" in actions_of(schedule)


async def test_R18_a_refund_that_the_client_demands_ends_it(bureau: Bureau) -> None:
    """MD06, eight weeks later: resolved with the code."""
    payment, debit = await _presented(bureau)
    await bureau.report(debit, "PAID", "2026-03-16")
    await bureau.reject(debit, "2026-05-05", "MD06")
    schedule = await bureau.schedule(payment)
    assert (schedule.is_resolved, schedule.resolution_reason) == (True, "NOT_ELIGIBLE_REASON_CODE")
    assert days_of(schedule)[0][3] == "FAILED"


async def test_R18_a_return_after_the_last_day_ends_it(bureau: Bureau) -> None:
    """R7 allows no attempt any more."""
    payment, debit = await _presented(bureau)
    await bureau.report(debit, "PAID", "2026-03-16")
    await bureau.reject(debit, "2026-04-08")
    assert (await bureau.schedule(payment)).resolution_reason == "MAX_ATTEMPTS_REACHED"
