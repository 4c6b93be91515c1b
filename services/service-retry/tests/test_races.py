"""Two who want different things of one attempt at once: one of them wins wholly (R10, R13, R16)."""

import asyncio
from collections.abc import Awaitable, Callable

from crm.payments import payments_pb2
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryScheduleServiceStub
from db_utils.clock import frozen_at
from grpc import StatusCode
from service_retry.subscribers import follow_rejection, rejected_payment
from service_testing import code_of, eventually
from tests.bureau import Bureau, at, days_of


async def test_R16_what_is_cancelled_while_it_is_checked_is_not_presented(bureau: Bureau) -> None:
    """Between the last check and the call."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    cancelled = await _cancel_while(bureau, payment, bureau.banque.while_checked)
    schedule = await bureau.schedule(payment)
    assert (cancelled, days_of(schedule)[0][3]) == ([StatusCode.OK], "CANCELLED")
    assert not bureau.banque.calls_of(payment.id)


async def test_R16_what_is_asked_of_payments_is_not_cancelled(bureau: Bureau) -> None:
    """While payments makes the debit, and nobody knows yet whether it does."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    cancelled = await _cancel_while(bureau, payment, bureau.banque.while_asked)
    schedule = await bureau.schedule(payment)
    assert (cancelled, days_of(schedule)[0][3]) == ([StatusCode.FAILED_PRECONDITION], "SUBMITTED")


async def test_R11_what_is_moved_while_it_is_checked_keeps_its_new_day(bureau: Bureau) -> None:
    """It is not presented today."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    schedule = await bureau.schedule(payment)
    request = pb.ReplanRetryScheduleRequest(id=schedule.id, new_retry_date="2026-03-25", motif="Accord")
    bureau.banque.while_checked.append(lambda: bureau.stub(RetryScheduleServiceStub).Replan(request))
    await bureau.process(at("2026-03-12", 10))
    assert days_of(await bureau.schedule(payment)) == [(1, "2026-03-25", "2026-03-23", "SCHEDULED")]
    assert not bureau.banque.calls_of(payment.id)


async def _cancel_while(
    bureau: Bureau, payment: payments_pb2.Payment, moment: list[Callable[[], Awaitable[object]]]
) -> list[StatusCode]:
    """Present what is due, and give *payment* up at that *moment*; how that was answered."""
    schedule, codes = await bureau.schedule(payment), list[StatusCode]()
    request = pb.CancelRetryScheduleRequest(id=schedule.id, motif="Accord")

    async def cancel() -> None:
        codes.append(await code_of(bureau.stub(RetryScheduleServiceStub).Cancel(request)))

    moment.append(cancel)
    await bureau.process(at("2026-03-12", 10))
    return codes


async def test_R16_cancelling_races_with_a_run(bureau: Bureau) -> None:
    """Either cancelled without a payment, or submitted and not cancelled."""
    payments = [bureau.payment() for _ in range(8)]
    for payment in payments:
        await bureau.reject(payment, "2026-03-09")
    schedules = [await bureau.schedule(payment) for payment in payments]
    stub = bureau.stub(RetryScheduleServiceStub)
    with frozen_at(at("2026-03-12", 10)):
        run = asyncio.create_task(bureau.process(at("2026-03-12", 10)))
        cancels = [
            code_of(stub.Cancel(pb.CancelRetryScheduleRequest(id=schedule.id, motif="Accord")))
            for schedule in reversed(schedules)
        ]
        codes = list(reversed(await asyncio.gather(*cancels)))
        await run
    for payment, code in zip(payments, codes, strict=True):
        ended = days_of(await bureau.schedule(payment))[0][3], len(bureau.banque.debits_of(payment.id))
        expected = {
            StatusCode.OK: ("CANCELLED", 0),
            StatusCode.FAILED_PRECONDITION: ("SUBMITTED", 1),
        }
        assert ended == expected[code]


async def test_R9_ten_deliveries_at_once_begin_one_schedule(bureau: Bureau) -> None:
    """As several replicas meet them: ten ids for one payment, each in a transaction of its own."""
    payment = bureau.payment()

    async def delivered() -> None:
        event = bureau.event(payment, "2026-03-09")
        arrived = await rejected_payment(event, bureau.app)
        async with bureau.app.database.transaction() as tx:
            await follow_rejection(event, tx, arrived)

    with frozen_at(at("2026-03-09")):
        await asyncio.gather(*(delivered() for _ in range(10)))
        await eventually(bureau.is_planned, timeout=60)
    schedule = await bureau.schedule(payment)
    assert [one[:2] for one in days_of(schedule)] == [(1, "2026-03-16")]
    assert [line.action for line in schedule.journal].count("CREATED") == 1


async def test_R13_an_outcome_told_in_parallel_is_applied_once(bureau: Bureau) -> None:
    """Event and reports of one rejection at once: one next attempt."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    debit = await bureau.submitted(payment, "2026-03-12")

    async def reported() -> bool:  # a call that met another writer three times is told so
        code = await code_of(bureau.report(debit, "REJECTED", "2026-03-18", motif_rejet="AM04"))
        assert code in (StatusCode.OK, StatusCode.ABORTED)
        return code == StatusCode.OK

    await asyncio.gather(
        bureau.reject(debit, "2026-03-18"), *(eventually(reported, timeout=60) for _ in range(8))
    )
    schedule = await bureau.schedule(payment)
    assert [one[3] for one in days_of(schedule)] == ["FAILED", "SCHEDULED"]
    assert [line.action for line in schedule.journal].count("FAILED") == 1
