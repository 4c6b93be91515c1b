"""No day is guessed while the calendar is away (R8)."""

from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryEngineServiceStub
from db_utils.clock import frozen_at
from grpc import StatusCode
from service_kit import AGAIN
from service_retry.planification import plan_waiting
from service_testing import eventually, refusal
from tests.bureau import Bureau, actions_of, at, days_of


async def test_R8_a_schedule_waits_for_the_calendar(bureau: Bureau) -> None:
    """It is ELIGIBLE without a day; the job plans it when the calendar is back."""
    payment = bureau.payment()
    async with bureau.mesh.without("calendar"):
        await bureau.reject(payment, "2026-03-09", planned=False)
        schedule = await bureau.schedule(payment)
        assert (schedule.eligibility, schedule.next_retry_date, len(schedule.attempts)) == (
            "ELIGIBLE",
            "",
            0,
        )
        with frozen_at(at("2026-03-09", 10)):
            told = await refusal(
                bureau.stub(RetryEngineServiceStub).CheckEligibility(
                    pb.CheckEligibilityRequest(motif_rejet="AM04")
                )
            )
            assert await plan_waiting(bureau.app) is AGAIN
        assert told.code == StatusCode.UNAVAILABLE
    async with bureau.mesh.without("retry"):  # with its circuits closed
        pass

    async def planned() -> bool:
        with frozen_at(at("2026-03-09", 11)):
            await plan_waiting(bureau.app)
        return bool((await bureau.schedule(payment)).attempts)

    await eventually(planned, timeout=60)
    schedule = await bureau.schedule(payment)
    assert days_of(schedule) == [(1, "2026-03-16", "2026-03-12", "SCHEDULED")]
    assert actions_of(schedule) == ["CREATED", "PLANNED"]
