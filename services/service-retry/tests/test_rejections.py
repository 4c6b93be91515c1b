"""Rejections that come in by the event: what begins, what ends at once, what waits (R9, R15)."""

import asyncio

from crm.events.business_pb2 import PaymentRejectedEvent
from crm.retry import retry_pb2 as pb
from db_utils import uuid7
from db_utils.clock import frozen_at
from grpc_utils import timestamp
from service_kit.outgoing import CommandeSortante
from service_retry.models import RetrySchedule
from service_retry.planification import plan_waiting
from service_testing import Mesh, eventually
from sqlalchemy import bindparam, select
from tests.bureau import Bureau, actions_of, at, days_of, noon

_SCHEDULES = select(RetrySchedule).where(RetrySchedule.organisation_id == bindparam("org"))
_COMMANDS = select(CommandeSortante).where(CommandeSortante.organisation_id == bindparam("org"))


async def test_R9_an_eligible_rejection_begins_a_schedule(bureau: Bureau) -> None:
    """Attempt 1 is planned, the policy is kept, one line says so."""
    payment = bureau.payment(contrat_id="contrat-1")
    await bureau.reject(payment, "2026-03-09", " am04")
    schedule = await bureau.schedule(payment)
    (attempt,), line = schedule.attempts, schedule.journal[0]
    expected = pb.RetrySchedule(
        id=schedule.id,
        organisation_id=bureau.org,
        original_payment_id=payment.id,
        schedule_id="echeancier-1",
        facture_id="FAC-1",
        contrat_id="contrat-1",
        client_id=payment.client_id,
        rejection_code="AM04",
        rejection_date="2026-03-09",
        montant=49.90,
        date_prelevement="2026-03-05",
        policy_snapshot=schedule.policy_snapshot,
        eligibility="ELIGIBLE",
        max_attempts=3,
        next_retry_date="2026-03-16",
        attempts=[attempt],
        journal=schedule.journal,
        created_at=schedule.created_at,
        updated_at=schedule.updated_at,
        version=schedule.version,
    )
    assert schedule == expected
    assert days_of(schedule) == [(1, "2026-03-16", "2026-03-12", "SCHEDULED")]
    assert (line.action, line.acteur) == ("CREATED", "service:retry")
    assert schedule.policy_snapshot["delai_remise"] == 2


async def test_R9_a_closed_account_ends_at_once(bureau: Bureau) -> None:
    """Resolved with the class of the code; no attempt."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09", "AC04")
    schedule = await bureau.schedule(payment)
    assert (schedule.eligibility, schedule.is_resolved, schedule.resolution_reason) == (
        "NOT_ELIGIBLE_REASON_CODE",
        True,
        "NOT_ELIGIBLE_REASON_CODE",
    )
    assert schedule.eligibility_reason == "compte clôturé : nouvelles coordonnées bancaires nécessaires"
    assert (list(schedule.attempts), actions_of(schedule)[0]) == ([], "CREATED")


async def test_R15_relance_is_not_called_about_what_was_never_eligible(bureau: Bureau) -> None:
    """Nor is anybody else: nothing is owed to any service."""
    await bureau.reject(bureau.payment(), "2026-03-09", "MD06")
    assert await bureau.mesh.database("retry").read().all(_COMMANDS, org=bureau.org) == []


async def test_R9_a_cheque_that_bounced_is_not_presented_again(bureau: Bureau) -> None:
    """Whatever its code."""
    payment = bureau.payment(moyen="CHEQUE")
    await bureau.reject(payment, "2026-03-09")
    schedule = await bureau.schedule(payment)
    assert (schedule.eligibility, schedule.eligibility_reason) == ("NOT_ELIGIBLE_REASON_CODE", "moyen")


async def test_R9_one_event_ten_times_has_one_effect(bureau: Bureau) -> None:
    """One schedule, one attempt, one line; so have two events with ids of their own."""
    payment = bureau.payment()
    event = await bureau.reject(payment, "2026-03-09")
    with frozen_at(at("2026-03-09")):
        await bureau.mesh.deliver(event, times=9, timeout=30)
        twins = [bureau.event(payment, "2026-03-09") for _ in range(5)]
        await asyncio.gather(*(bureau.mesh.deliver(twin, timeout=30) for twin in twins))
    schedule = await bureau.schedule(payment)
    assert (len(schedule.attempts), actions_of(schedule).count("CREATED")) == (1, 1)
    assert len(await bureau.mesh.database("retry").read().all(_SCHEDULES, org=bureau.org)) == 1


async def test_R9_two_rejections_of_one_client_run_by_themselves(bureau: Bureau) -> None:
    """Each with its own days."""
    first = bureau.payment()
    second = bureau.payment(client_id=first.client_id, facture_id="FAC-2")
    await bureau.reject(first, "2026-03-09")
    await bureau.reject(second, "2026-04-28")
    days = [days_of(await bureau.schedule(payment))[0][1] for payment in (first, second)]
    assert days == ["2026-03-16", "2026-05-04"]


async def test_R9_a_payment_that_nobody_knows_is_what_its_event_says(bureau: Bureau) -> None:
    """An outside publisher's: the event alone counts."""
    payment = bureau.payment()
    del bureau.banque.payments[payment.id]
    await bureau.reject(payment, "2026-03-09")
    schedule = await bureau.schedule(payment)
    assert (schedule.eligibility, schedule.montant, schedule.date_prelevement) == ("ELIGIBLE", 49.90, "")


async def test_R9_an_event_of_nobody_is_a_dead_letter(mesh: Mesh) -> None:
    """Neither payments nor clients knows whose it is."""
    event = PaymentRejectedEvent(
        event_id=str(uuid7()),
        timestamp=timestamp(noon("2026-03-09")),
        payment_id="paiement-1",
        client_id="client-1",
        motif_rejet="AM04",
        date_rejet=timestamp(noon("2026-03-09")),
    )
    with frozen_at(at("2026-03-09")):
        await mesh.deliver(event, timeout=30)
    ((error, attempts),) = await mesh.dead_letters("retry", event)
    assert (attempts, "nobody" in error or "neither" in error) == (1, True)


async def test_R9_an_event_that_says_nothing_sensible_is_a_dead_letter(bureau: Bureau) -> None:
    """Without a reason, from the future, of more than 400 days ago, of no organisation or payment."""
    cases: list[tuple[str, str, dict[str, str]]] = [
        ("  ", "2026-03-09", {}),
        ("AM04", "2026-03-10", {}),
        ("AM04", "2025-01-30", {}),
        ("AM04", "2026-03-09", {"organisation_id": "pas un id"}),
        ("AM04", "2026-03-09", {"payment_id": ""}),
    ]
    for motif, jour, fields in cases:
        event = bureau.event(bureau.payment(), jour, motif, **fields)
        with frozen_at(at("2026-03-09")):
            await bureau.mesh.deliver(event, timeout=30)
        assert len(await bureau.mesh.dead_letters("retry", event)) == 1, (motif, jour, fields)


async def test_R9_while_payments_is_away_the_event_makes_the_schedule(bureau: Bureau) -> None:
    """Nothing is planned until payments has been read."""
    payment = bureau.payment()
    async with bureau.silence():
        await bureau.reject(payment, "2026-03-09")
        schedule = await bureau.schedule(payment)
        assert (schedule.eligibility, schedule.next_retry_date, len(schedule.attempts)) == ("ELIGIBLE", "", 0)
        await _plan(bureau, "2026-03-09")
        assert (await bureau.schedule(payment)).next_retry_date == ""
    await _planned(bureau, payment.id, "2026-03-09")
    schedule = await bureau.schedule(payment)
    assert (schedule.next_retry_date, schedule.date_prelevement) == ("2026-03-16", "2026-03-05")
    assert actions_of(schedule) == ["CREATED", "READ"]


async def test_R9_what_proves_to_be_a_cheque_is_resolved_when_payments_is_back(bureau: Bureau) -> None:
    """The means of payment is asked before anything is planned."""
    payment = bureau.payment(moyen="CHEQUE")
    async with bureau.silence():
        await bureau.reject(payment, "2026-03-09")
    await _planned(bureau, payment.id, "2026-03-09")
    schedule = await bureau.schedule(payment)
    assert (schedule.resolution_reason, schedule.eligibility_reason) == ("NOT_ELIGIBLE_REASON_CODE", "moyen")


async def test_R9_what_proves_to_be_an_attempt_is_no_schedule(bureau: Bureau) -> None:
    """The schedule that was made meanwhile is removed, and the attempt has failed (R13)."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    attempt = (await bureau.schedule(payment)).attempts[0]
    unknown = bureau.payment(client_id=payment.client_id, retry_attempt_id=attempt.id)
    async with bureau.silence():
        await bureau.reject(unknown, "2026-03-18")
    await bureau.lost_call(payment, at("2026-03-18", 10))
    await _planned(bureau, payment.id, "2026-03-18", attempts=2)
    schedule = await bureau.schedule(payment)
    assert [day[3] for day in days_of(schedule)] == ["FAILED", "SCHEDULED"]
    schedules = await bureau.mesh.database("retry").read().all(_SCHEDULES, org=bureau.org)
    assert [one.original_payment_id for one in schedules] == [payment.id]


async def test_R9_an_event_that_says_too_little_waits_for_payments(bureau: Bureau) -> None:
    """Without an amount no schedule can be made of it; it is no failed attempt of the event."""
    payment = bureau.payment()
    event = bureau.event(payment, "2026-03-09", montant=0.0)
    with frozen_at(at("2026-03-09")):
        async with bureau.silence():
            delivery = asyncio.create_task(bureau.mesh.deliver(event, timeout=60))
            await eventually(lambda: bureau.banque.unanswered)
            assert not await bureau.mesh.database("retry").read().all(_SCHEDULES, org=bureau.org)
        await delivery
        await eventually(lambda: bureau.is_planned(), timeout=60)
    assert (await bureau.schedule(payment)).montant == 49.90


async def _plan(bureau: Bureau, day: str) -> None:
    with frozen_at(at(day)):
        await plan_waiting(bureau.app)


async def _planned(bureau: Bureau, payment_id: str, day: str, *, attempts: int = 0) -> None:
    """Run the job of every five minutes until the schedule has been read (its circuit may be open)."""

    async def is_read() -> bool:
        await _plan(bureau, day)
        reader = bureau.mesh.database("retry").read()
        schedules = {one.original_payment_id: one for one in await reader.all(_SCHEDULES, org=bureau.org)}
        stub_of = schedules.get(payment_id)
        if attempts:
            payment = bureau.banque.payments[payment_id]
            return len((await bureau.schedule(payment)).attempts) == attempts
        return stub_of is not None and not stub_of.a_lire

    await eventually(is_read, timeout=60)
