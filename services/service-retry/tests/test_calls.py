"""Calls of payments that are not answered, and days that have passed meanwhile (R11)."""

from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryScheduleServiceStub
from db_utils.clock import frozen_at
from grpc import StatusCode
from service_testing import refused
from tests.banque import DateNonEligible
from tests.bureau import Bureau, at, days_of, patiently


async def test_R11_a_remise_that_was_missed_moves_the_day(bureau: Bureau) -> None:
    """Known on Wednesday at 15:00, presented on Thursday for a day that can still be reached."""
    payment = bureau.payment(date_prelevement="2026-03-27")
    await bureau.reject(payment, "2026-04-01", when=at("2026-04-01", 15))
    assert days_of(await bureau.schedule(payment)) == [(1, "2026-04-07", "2026-04-01", "SCHEDULED")]
    await bureau.process(at("2026-04-02", 10))
    assert days_of(await bureau.schedule(payment)) == [(1, "2026-04-08", "2026-04-02", "SUBMITTED")]


async def test_R11_from_eleven_on_the_next_eligible_day_counts(bureau: Bureau) -> None:
    """The last emission of Thursday has begun: Friday is the day of the remise."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    await bureau.process(at("2026-03-12", 11))
    assert days_of(await bureau.schedule(payment)) == [(1, "2026-03-17", "2026-03-13", "SUBMITTED")]


async def test_R11_a_call_without_answer_is_repeated_word_for_word(bureau: Bureau) -> None:
    """Days later too, when its day has passed: payments has made the debit, once."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    answer = await bureau.lost_call(payment, at("2026-03-12", 10))
    assert [one.resultat for one in answer.resultats] == ["ECHOUE"]
    assert days_of(await bureau.schedule(payment))[0][3] == "SCHEDULED"
    await bureau.process(at("2026-03-17", 10))
    first, again = bureau.banque.calls_of(payment.id)
    (debit,) = bureau.banque.debits_of(payment.id)
    schedule = await bureau.schedule(payment)
    assert (first == again, schedule.attempts[0].payment_id) == (True, debit.id)
    assert days_of(schedule) == [(1, "2026-03-16", "2026-03-12", "SUBMITTED")]


async def test_R11_a_call_that_never_arrived_frees_its_day(bureau: Bureau) -> None:
    """Repeated, it is refused for its day; another one is asked for in the same run."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    await bureau.lost_call(payment, at("2026-03-12", 10))
    lost = bureau.banque
    lost.by_key.clear()  # as if the first call had not arrived
    for debit in lost.debits_of(payment.id):
        del lost.payments[debit.id]
    lost.refusals.append(DateNonEligible())
    await bureau.process(at("2026-03-17", 10))
    stored, repeated, fresh = bureau.banque.calls_of(payment.id)
    assert stored == repeated
    assert (fresh.idempotency_key, fresh.date_prelevement) == (stored.idempotency_key, "2026-03-19")
    assert days_of(await bureau.schedule(payment)) == [(1, "2026-03-19", "2026-03-17", "SUBMITTED")]


async def test_R11_a_day_that_is_refused_twice_waits(bureau: Bureau) -> None:
    """For the next run, which chooses anew."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    bureau.banque.refusals += [DateNonEligible(), DateNonEligible()]
    answer = await bureau.until(at("2026-03-12", 10), lambda: not bureau.banque.refusals)
    assert [(one.resultat, one.motif) for one in answer.resultats] == [("ECHOUE", "DATE_NON_ELIGIBLE")]
    assert await bureau.submitted(payment, "2026-03-12")


async def test_R11_what_may_be_debited_is_neither_cancelled_nor_moved(bureau: Bureau) -> None:
    """While the call is not answered, and once it is."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    schedule = await bureau.schedule(payment)
    await bureau.lost_call(payment, at("2026-03-12", 10))
    expected = (StatusCode.FAILED_PRECONDITION, "TENTATIVE_EN_COURS")
    assert await _cancel(bureau, schedule.id) == expected
    assert await _replan(bureau, schedule.id) == expected
    await bureau.process(at("2026-03-12", 10))
    assert await _cancel(bureau, schedule.id) == expected
    assert await _replan(bureau, schedule.id) == expected


async def _cancel(bureau: Bureau, schedule_id: str) -> tuple[StatusCode, str]:
    request = pb.CancelRetryScheduleRequest(id=schedule_id, motif="Accord")
    return await refused(bureau.stub(RetryScheduleServiceStub).Cancel(request))


async def _replan(bureau: Bureau, schedule_id: str) -> tuple[StatusCode, str]:
    request = pb.ReplanRetryScheduleRequest(id=schedule_id, new_retry_date="2026-03-20", motif="Accord")
    with frozen_at(at("2026-03-12", 12)):
        stub = bureau.stub(RetryScheduleServiceStub)
        return await refused(patiently(lambda: stub.Replan(request)))


async def test_R7_a_day_beyond_the_last_one_is_not_presented(bureau: Bureau) -> None:
    """The service was down for a month: the schedule ends as in R14."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    await bureau.process(at("2026-04-07", 10))
    schedule = await bureau.schedule(payment)
    assert (schedule.resolution_reason, schedule.attempts[0].statut) == ("MAX_ATTEMPTS_REACHED", "SKIPPED")
    assert not bureau.banque.debits_of(payment.id)
