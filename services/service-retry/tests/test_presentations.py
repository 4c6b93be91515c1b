"""Presentations: what is checked first, what payments is asked, what it refuses (R10)."""

from typing import Any

import pytest
from crm.contrats import contrats_pb2
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub, ContratServiceStub
from crm.payments import payments_pb2
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryPolicyServiceStub
from db_utils import uuid7
from db_utils.clock import frozen_at
from grpc_utils.errors import Refusal
from service_kit import AGAIN
from service_kit.outgoing import CommandeSortante
from service_retry.remises import present_due
from service_testing import eventually
from sqlalchemy import select
from tests.banque import DejaReglee, EcheanceAnnulee, MandatAbsent
from tests.bureau import Bureau, actions_of, at, days_of


async def test_R10_what_is_due_is_asked_of_payments(bureau: Bureau) -> None:
    """With the day, the attempt and its key; the attempt has the new payment."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    assert (await bureau.once(at("2026-03-11", 10))).total == 0
    answer = await bureau.process(at("2026-03-12", 10))
    schedule = await bureau.schedule(payment)
    (attempt,), (debit,) = schedule.attempts, bureau.banque.debits_of(payment.id)
    assert (answer.statut, answer.total, answer.soumis) == ("COMPLETED", 1, 1)
    assert list(answer.resultats) == [pb.ResultatRetry(retry_attempt_id=attempt.id, resultat="SOUMIS")]
    assert bureau.banque.calls_of(payment.id)[-1] == payments_pb2.RetryPaymentRequest(
        payment_id=payment.id,
        date_prelevement="2026-03-16",
        retry_attempt_id=attempt.id,
        idempotency_key=f"retry:{schedule.id}:1",
    )
    assert (attempt.statut, attempt.payment_id, schedule.current_attempt) == ("SUBMITTED", debit.id, 1)
    assert actions_of(schedule)[-2:] == ["CALLED", "SUBMITTED"]


async def test_R10_the_job_works_from_ten_on_eligible_days(bureau: Bureau) -> None:
    """Not at 09:59, not on a Sunday; what was missed is made good."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    for when in (at("2026-03-12", 9, 59), at("2026-03-15", 10)):
        with frozen_at(when):
            await present_due(bureau.app)
        assert not bureau.banque.calls_of(payment.id)
    with frozen_at(at("2026-03-16", 10)):
        await eventually(lambda: _presented(bureau, payment.id), timeout=60)
    assert days_of(await bureau.schedule(payment)) == [(1, "2026-03-18", "2026-03-16", "SUBMITTED")]


async def _presented(bureau: Bureau, payment_id: str) -> bool:
    await present_due(bureau.app)
    return bool(bureau.banque.debits_of(payment_id))


async def test_R10_the_job_comes_again_soon_for_what_it_could_not_present(bureau: Bureau) -> None:
    """Not after its whole interval: who was killed is back within seconds."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    async with bureau.mesh.without("calendar"):
        with frozen_at(at("2026-03-12", 10)):
            assert await present_due(bureau.app) is AGAIN
    async with bureau.mesh.without("retry"):  # with its circuits closed
        pass
    assert not bureau.banque.calls_of(payment.id)


async def test_R10_a_dry_run_does_nothing(bureau: Bureau) -> None:
    """It tells what would be done, also on a day to come."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    before = await bureau.schedule(payment)
    answer = await bureau.process(at("2026-03-10", 10), date="2026-03-12", dry_run=True)
    assert (answer.job_id, answer.total, answer.soumis) == ("", 1, 1)
    assert await bureau.schedule(payment) == before
    assert not bureau.banque.calls_of(payment.id)


async def test_R10_a_settled_echeance_is_not_presented(bureau: Bureau) -> None:
    """Whatever has paid it; unless the policy says otherwise, when payments decides."""
    payment = bureau.payment(echeance_statut="PAYEE")
    await bureau.reject(payment, "2026-03-09")
    await bureau.process(at("2026-03-12", 10))
    await _is_skipped(bureau, payment, "PAYMENT_SETTLED", "NOT_ELIGIBLE_PAYMENT_SETTLED")


async def test_R10_a_settled_invoice_is_not_presented(bureau: Bureau) -> None:
    """It was paid by transfer meanwhile."""
    facture = await bureau.facture()
    payment = bureau.payment(facture_id=facture.id)
    await bureau.reject(payment, "2026-03-09")
    await bureau.settled(facture)
    await bureau.process(at("2026-03-12", 10))
    await _is_skipped(bureau, payment, "PAYMENT_SETTLED", "NOT_ELIGIBLE_PAYMENT_SETTLED")


async def _contrat(bureau: Bureau) -> contrats_pb2.Contrat:
    request = contrats_pb2.CreateContratRequest(client_id="client-123", produit_id="prod-456")
    created: contrats_pb2.Contrat = await bureau.stub(ContratServiceStub).Create(request)
    return created


async def test_R10_a_contract_that_has_ended_is_not_debited(bureau: Bureau) -> None:
    """RESILIE or ANNULE."""
    contrat = await _contrat(bureau)
    request = contrats_pb2.AnnulerContratRequest(id=contrat.id, motif="Erreur")
    await bureau.stub(ContratServiceStub).Annuler(request)
    payment = bureau.payment(contrat_id=contrat.id)
    await bureau.reject(payment, "2026-03-09")
    await bureau.process(at("2026-03-12", 10))
    await _is_skipped(bureau, payment, "CONTRACT_CANCELLED", "NOT_ELIGIBLE_CONTRACT_CANCELLED")


async def test_R10_an_unknown_contract_counts_as_active(bureau: Bureau) -> None:
    """One of another system."""
    payment = bureau.payment(contrat_id=str(uuid7()))
    await bureau.reject(payment, "2026-03-09")
    assert await bureau.submitted(payment, "2026-03-12")


async def test_R10_a_suspended_contract_is_debited_a_week_later(bureau: Bureau) -> None:
    """At most on the last day of R7; when it is suspended then, nothing follows (R14)."""
    contrat = await _suspended(bureau)
    payment = bureau.payment(contrat_id=contrat.id)
    await bureau.reject(payment, "2026-03-09")
    seen = []
    for day in ("2026-03-12", "2026-03-19", "2026-03-26", "2026-04-01", "2026-04-02"):
        await bureau.process(at(day, 10))
        schedule = await bureau.schedule(payment)
        seen.append(days_of(schedule)[0])
    # 08/04 is day 30, and Easter is in between.
    assert seen == [
        (1, "2026-03-23", "2026-03-19", "SCHEDULED"),
        (1, "2026-03-30", "2026-03-26", "SCHEDULED"),
        (1, "2026-04-07", "2026-04-01", "SCHEDULED"),
        (1, "2026-04-08", "2026-04-02", "SCHEDULED"),
        (1, "2026-04-08", "2026-04-02", "SKIPPED"),
    ]
    assert schedule.resolution_reason == "MAX_ATTEMPTS_REACHED"
    assert not bureau.banque.calls_of(payment.id)


async def _suspended(bureau: Bureau) -> contrats_pb2.Contrat:
    contrat = await _contrat(bureau)
    orchestration = bureau.stub(ContractOrchestrationServiceStub)
    await orchestration.Activer(contrats_pb2.ActiverContratRequest(contrat_id=contrat.id))
    await orchestration.Suspendre(
        contrats_pb2.SuspendreContratRequest(contrat_id=contrat.id, motif="Travaux")
    )
    return contrat


async def test_R10_without_a_mandate_nothing_is_presented(bureau: Bureau) -> None:
    """The client has revoked it; that of another société or another contract does not help."""
    payment = bureau.payment(contrat_id="contrat-1")
    mandate = bureau.banque.mandates[payment.mandat_id]
    mandate.statut = "REVOQUE"
    for societe_id, contrat_id in (("soc-2", ""), ("", "contrat-2")):
        other = payments_pb2.Mandate(
            id=str(uuid7()),
            client_id=payment.client_id,
            societe_id=societe_id,
            contrat_id=contrat_id,
            statut="ACTIF",
        )
        bureau.banque.mandates[other.id] = other
    await bureau.reject(payment, "2026-03-09")
    await bureau.process(at("2026-03-12", 10))
    await _is_skipped(bureau, payment, "MANDATE_REVOKED", "NOT_ELIGIBLE_MANDATE_REVOKED")


async def test_R10_a_new_mandate_takes_the_place_of_the_old_one(bureau: Bureau) -> None:
    """Of the same contract, or of none."""
    payment = bureau.payment(contrat_id="contrat-1")
    bureau.banque.mandates[payment.mandat_id].statut = "REVOQUE"
    other = payments_pb2.Mandate(
        id=str(uuid7()), client_id=payment.client_id, contrat_id="contrat-1", statut="ACTIF"
    )
    bureau.banque.mandates[other.id] = other
    await bureau.reject(payment, "2026-03-09")
    assert await bureau.submitted(payment, "2026-03-12")


async def test_R10_the_mandate_of_the_debit_may_be_that_of_another_client(bureau: Bureau) -> None:
    """Somebody else pays."""
    payment = bureau.payment()
    bureau.banque.mandates[payment.mandat_id].client_id = "client-parent"
    await bureau.reject(payment, "2026-03-09")
    assert await bureau.submitted(payment, "2026-03-12")


async def test_R10_a_policy_may_leave_the_checks_to_payments(bureau: Bureau) -> None:
    """Except that of the mandate."""
    request = pb.CreateRetryPolicyRequest(
        nom="Sans contrôle",
        is_default=True,
        stop_on_payment_settled=False,
        stop_on_contract_cancelled=False,
        stop_on_mandate_revoked=False,
    )
    await bureau.stub(RetryPolicyServiceStub).Create(request)
    contrat = await _suspended(bureau)
    payment = bureau.payment(echeance_statut="PAYEE", contrat_id=contrat.id)
    unmandated = bureau.payment()
    bureau.banque.mandates[unmandated.mandat_id].statut = "SUSPENDU"
    for one in (payment, unmandated):
        await bureau.reject(one, "2026-03-09")
    await bureau.process(at("2026-03-12", 10))
    assert len(bureau.banque.debits_of(payment.id)) == 1
    await _is_skipped(bureau, unmandated, "MANDATE_REVOKED", "NOT_ELIGIBLE_MANDATE_REVOKED")


@pytest.mark.parametrize(
    ("refusal", "resolution", "eligibility", "told"),
    [
        (DejaReglee, "PAYMENT_SETTLED", "NOT_ELIGIBLE_PAYMENT_SETTLED", 0),
        (MandatAbsent, "MANDATE_REVOKED", "NOT_ELIGIBLE_MANDATE_REVOKED", 1),
        (EcheanceAnnulee, "PRESENTATION_REFUSEE", "ELIGIBLE", 1),
    ],
)
async def test_R10_what_payments_refuses_ends_the_schedule(
    bureau: Bureau, refusal: type[Refusal], resolution: str, eligibility: str, told: int
) -> None:
    """With its reason; finance is told unless it is settled."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    bureau.banque.refusals.append(refusal())
    answer = await bureau.process(at("2026-03-12", 10))
    assert [(one.resultat, one.motif) for one in answer.resultats] == [("IGNORE", refusal.reason)]
    schedule = await bureau.schedule(payment)
    assert (schedule.resolution_reason, schedule.eligibility_reason) == (resolution, refusal.reason)
    assert schedule.eligibility == eligibility
    assert schedule.attempts[0].statut == "SKIPPED"
    assert len(await notices_owed(bureau)) == told


async def test_R10_a_payment_that_payments_does_not_know_is_refused(bureau: Bureau) -> None:
    """An outside publisher's."""
    payment = bureau.payment()
    del bureau.banque.payments[payment.id]
    await bureau.reject(payment, "2026-03-09")
    await bureau.process(at("2026-03-12", 10))
    schedule = await bureau.schedule(payment)
    assert (schedule.resolution_reason, schedule.eligibility_reason) == (
        "PRESENTATION_REFUSEE",
        "INTROUVABLE",
    )


async def test_R10_nothing_is_presented_blind(bureau: Bureau) -> None:
    """While factures cannot tell, the attempt is left for the next run."""
    facture = await bureau.facture()
    payment = bureau.payment(facture_id=facture.id)
    await bureau.reject(payment, "2026-03-09")
    async with bureau.mesh.without("factures"):
        answer = await bureau.once(at("2026-03-12", 10))
    async with bureau.mesh.without("retry"):
        pass
    assert (answer.statut, answer.echoues, answer.resultats[0].resultat) == ("FAILED", 1, "ECHOUE")
    assert not bureau.banque.calls_of(payment.id)
    assert await bureau.submitted(payment, "2026-03-12")


async def notices_owed(bureau: Bureau) -> list[Any]:
    """The notifications that retry owes in the organisation."""
    owed = select(CommandeSortante).where(CommandeSortante.type == "notification")
    rows = await bureau.mesh.database("retry").read().all(owed)
    return [row for row in rows if row.organisation_id == bureau.org]


async def _is_skipped(
    bureau: Bureau, payment: payments_pb2.Payment, resolution: str, eligibility: str
) -> None:
    schedule = await bureau.schedule(payment)
    assert (schedule.is_resolved, schedule.resolution_reason) == (True, resolution)
    assert (schedule.eligibility, schedule.next_retry_date) == (eligibility, "")
    assert [attempt.statut for attempt in schedule.attempts] == ["SKIPPED"]
    assert not bureau.banque.debits_of(payment.id)
