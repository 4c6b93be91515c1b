"""RetryScheduleService: repair, reading, lists, cancelling and moving (R9, R11, R16)."""

from collections.abc import Awaitable

import pytest
from crm.common import common_pb2
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryPolicyServiceStub, RetryScheduleServiceStub
from db_utils import uuid7
from db_utils.clock import frozen_at
from google.protobuf.json_format import MessageToDict
from grpc import StatusCode
from service_testing import Mesh, refusal, refused
from tests.bureau import Bureau, actions_of, at, days_of, patiently


async def _create(bureau: Bureau, payment_id: str, day: str, **fields: str) -> pb.RetrySchedule:
    request = pb.CreateRetryScheduleRequest(payment_id=payment_id, **({"motif_rejet": "AM04"} | fields))
    with frozen_at(at(day)):
        stub = bureau.stub(RetryScheduleServiceStub)
        created: pb.RetrySchedule = await patiently(lambda: stub.Create(request))
        return created


async def test_R9_a_missed_rejection_is_made_good(bureau: Bureau) -> None:
    """On the day that payments knows; a second time it is there already."""
    payment = bureau.payment(date_rejet="2026-03-09")
    created = await _create(bureau, payment.id, "2026-03-10")
    assert (created.rejection_date, created.next_retry_date) == ("2026-03-09", "2026-03-16")
    assert len(created.attempts) == 1
    told = await refusal(_create(bureau, payment.id, "2026-03-10"))
    assert (told.code, told.reason, told.metadata["id"]) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        created.id,
    )
    line = (await bureau.schedule(payment)).journal[0]
    assert not line.acteur.startswith("service:")


async def test_R9_a_missed_rejection_of_an_attempt_ends_it(bureau: Bureau) -> None:
    """Its schedule is answered."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    debit = await bureau.submitted(payment, "2026-03-12")
    debit.statut = "REJECTED"
    answered = await _create(bureau, debit.id, "2026-03-18", date_rejet="2026-03-18")
    assert answered.original_payment_id == payment.id
    assert [one[3] for one in days_of(answered)] == ["FAILED", "SCHEDULED"]


async def test_R9_only_rejected_payments_are_repaired(bureau: Bureau) -> None:
    """One that nobody knows, one that is paid, and what no rejection says."""
    paid, rejected = bureau.payment(statut="PAID"), bureau.payment()
    cases = [
        ((str(uuid7()), {}), (StatusCode.NOT_FOUND, "INTROUVABLE")),
        ((paid.id, {}), (StatusCode.FAILED_PRECONDITION, "PAIEMENT_NON_REJETE")),
        ((rejected.id, {"motif_rejet": " "}), (StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS")),
        (("", {}), (StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS")),
        ((rejected.id, {"date_rejet": "2026-03-11"}), (StatusCode.INVALID_ARGUMENT, "DATE_REJET_INVALIDE")),
        ((rejected.id, {"date_rejet": "2025-02-02"}), (StatusCode.INVALID_ARGUMENT, "DATE_REJET_INVALIDE")),
        ((rejected.id, {"date_rejet": "2026-02-30"}), (StatusCode.INVALID_ARGUMENT, "DATE_INVALIDE")),
    ]
    for (payment_id, fields), expected in cases:
        assert await refused(_create(bureau, payment_id, "2026-03-10", **fields)) == expected, fields


async def test_R9_a_repair_waits_for_payments(bureau: Bureau) -> None:
    """Nothing is made of what nobody confirms."""
    payment = bureau.payment()
    request = pb.CreateRetryScheduleRequest(payment_id=payment.id, motif_rejet="AM04")
    async with bureau.silence():
        told = await refused(bureau.stub(RetryScheduleServiceStub).Create(request))
    assert told[0] == StatusCode.UNAVAILABLE


async def test_R16_a_schedule_is_given_up(bureau: Bureau) -> None:
    """With its attempt, once, for a reason."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    stub, schedule = bureau.stub(RetryScheduleServiceStub), await bureau.schedule(payment)
    without = pb.CancelRetryScheduleRequest(id=schedule.id)
    assert await refused(stub.Cancel(without)) == (StatusCode.INVALID_ARGUMENT, "CHAMP_REQUIS")
    request = pb.CancelRetryScheduleRequest(id=schedule.id, motif="Accord amiable")
    cancelled = await stub.Cancel(request)
    assert (cancelled.eligibility, cancelled.resolution_reason) == ("NOT_ELIGIBLE_MANUAL_CANCEL",) * 2
    assert (cancelled.eligibility_reason, cancelled.is_resolved) == ("Accord amiable", True)
    assert [one.statut for one in cancelled.attempts] == ["CANCELLED"]
    assert await refused(stub.Cancel(request)) == (StatusCode.FAILED_PRECONDITION, "DEJA_RESOLU")
    assert (await bureau.once(at("2026-03-12", 10))).total == 0


async def test_R11_an_attempt_is_moved(bureau: Bureau) -> None:
    """With its remise; the presentation keeps to it."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    schedule = await bureau.schedule(payment)
    request = pb.ReplanRetryScheduleRequest(
        id=schedule.id, new_retry_date="2026-03-25", motif="Salaire le 24"
    )
    with frozen_at(at("2026-03-10")):
        stub = bureau.stub(RetryScheduleServiceStub)
        moved = await patiently(lambda: stub.Replan(request))
    assert (moved.next_retry_date, days_of(moved)) == (
        "2026-03-25",
        [(1, "2026-03-25", "2026-03-23", "SCHEDULED")],
    )
    assert (await bureau.once(at("2026-03-12", 10))).total == 0
    assert (await bureau.submitted(payment, "2026-03-23")).date_prelevement == "2026-03-25"
    assert "REPLANNED" in actions_of(await bureau.schedule(payment))


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-03-14", "DATE_NON_ELIGIBLE"),
        ("2026-04-03", "DATE_NON_ELIGIBLE"),
        ("2026-03-11", "DATE_TROP_PROCHE"),
        ("2026-04-09", "DATE_TROP_TARDIVE"),
        ("", "CHAMP_REQUIS"),
        ("25/03/2026", "DATE_INVALIDE"),
    ],
)
async def test_R11_a_day_must_be_possible(bureau: Bureau, day: str, reason: str) -> None:
    """A Saturday, Good Friday, tomorrow, beyond R7, none."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    schedule = await bureau.schedule(payment)
    request = pb.ReplanRetryScheduleRequest(id=schedule.id, new_retry_date=day, motif="Accord")
    with frozen_at(at("2026-03-10")):
        stub = bureau.stub(RetryScheduleServiceStub)
        told = await refused(patiently(lambda: stub.Replan(request)))
    assert told == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R11_what_is_over_is_not_moved(bureau: Bureau) -> None:
    """Nor what never began."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09", "AC04")
    schedule = await bureau.schedule(payment)
    request = pb.ReplanRetryScheduleRequest(id=schedule.id, new_retry_date="2026-03-25", motif="Accord")
    with frozen_at(at("2026-03-10")):
        stub = bureau.stub(RetryScheduleServiceStub)
        told = await refused(patiently(lambda: stub.Replan(request)))
    assert told == (StatusCode.FAILED_PRECONDITION, "DEJA_RESOLU")


async def test_R9_schedules_are_found_by_what_they_are_about(bureau: Bureau) -> None:
    """Filters of the list, and the payments of attempts for Get."""
    first, second = bureau.payment(contrat_id="contrat-1"), bureau.payment(facture_id="FAC-2")
    await bureau.reject(first, "2026-03-09")
    await bureau.reject(second, "2026-03-10", "AC04")
    filters: list[tuple[dict[str, object], list[str]]] = [
        ({}, [second.id, first.id]),
        ({"client_id": first.client_id}, [first.id]),
        ({"contrat_id": "contrat-1"}, [first.id]),
        ({"facture_id": "FAC-2"}, [second.id]),
        ({"eligibility": "NOT_ELIGIBLE_REASON_CODE"}, [second.id]),
        ({"is_resolved": False}, [first.id]),
        ({"is_resolved": True}, [second.id]),
        ({"next_retry_from": "2026-03-16", "next_retry_to": "2026-03-16"}, [first.id]),
        ({"next_retry_from": "2026-03-17"}, []),
        ({"next_retry_to": "2026-03-15"}, []),
        ({"societe_id": "soc-9"}, []),
    ]
    for fields, expected in filters:
        assert await _listed(bureau, **fields) == expected, fields
    by_day = common_pb2.Pagination(sort_by="next_retry_date")
    assert await _listed(bureau, pagination=by_day) == [first.id, second.id]
    debit = await bureau.submitted(first, "2026-03-12")
    assert (await bureau.schedule(debit)).original_payment_id == first.id


async def _listed(bureau: Bureau, **fields: object) -> list[str]:
    request = pb.ListRetrySchedulesRequest(**fields)  # type: ignore[arg-type]  # fields of the table above
    answer = await bureau.stub(RetryScheduleServiceStub).List(request)
    return [one.original_payment_id for one in answer.schedules]


async def test_R9_schedules_of_others_do_not_exist(bureau: Bureau, mesh: Mesh) -> None:
    """Nor can they be cancelled, moved, or processed."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    schedule = await bureau.schedule(payment)
    stub = mesh.stub(RetryScheduleServiceStub, organisation=f"{bureau.org}-autre")
    calls: list[Awaitable[object]] = [
        stub.Get(pb.GetRetryScheduleRequest(id=schedule.id)),
        stub.Get(pb.GetRetryScheduleRequest(payment_id=payment.id)),
        stub.Cancel(pb.CancelRetryScheduleRequest(id=schedule.id, motif="x")),
        stub.Replan(pb.ReplanRetryScheduleRequest(id=schedule.id, new_retry_date="2026-03-25", motif="x")),
    ]
    for call in calls:
        assert await refused(call) == (StatusCode.NOT_FOUND, "INTROUVABLE")
    assert not (await stub.List(pb.ListRetrySchedulesRequest())).schedules


async def test_R3_a_schedule_keeps_the_policy_it_began_with(bureau: Bureau) -> None:
    """A later edit changes nothing; while it runs the policy cannot be deleted."""
    policies = bureau.stub(RetryPolicyServiceStub)
    policy = await policies.Create(
        pb.CreateRetryPolicyRequest(
            nom="Une", is_default=True, retry_delays_days=[7], retryable_codes=["AM04"]
        )
    )
    payment, other = bureau.payment(), bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    await bureau.reject(other, "2026-03-09", "MS03")
    await policies.Update(pb.UpdateRetryPolicyRequest(id=policy.id, retry_delays_days=[9]))
    schedule = await bureau.schedule(payment)
    assert (schedule.policy_id, schedule.max_attempts) == (policy.id, 1)
    snapshot = MessageToDict(schedule.policy_snapshot)
    assert (snapshot["retry_delays_days"], schedule.next_retry_date) == ([7], "2026-03-16")
    assert (await bureau.schedule(other)).eligibility == "NOT_ELIGIBLE_REASON_CODE"
    deletion = pb.DeleteRetryPolicyRequest(id=policy.id)
    assert await refused(policies.Delete(deletion)) == (StatusCode.FAILED_PRECONDITION, "ENCORE_UTILISE")
    cancel = pb.CancelRetryScheduleRequest(id=schedule.id, motif="Accord")
    await bureau.stub(RetryScheduleServiceStub).Cancel(cancel)
    assert (await policies.Delete(deletion)).success
    assert (await bureau.schedule(payment)).policy_id == ""


async def test_R5_the_delay_of_the_societe_counts(bureau: Bureau) -> None:
    """Four business days instead of two, kept in the snapshot."""
    societe_id = f"soc-{bureau.org}"
    bureau.banque.delais[societe_id] = 4
    payment = bureau.payment(societe_id=societe_id)
    await bureau.reject(payment, "2026-03-09")
    schedule = await bureau.schedule(payment)
    assert schedule.policy_snapshot["delai_remise"] == 4
    assert days_of(schedule) == [(1, "2026-03-16", "2026-03-10", "SCHEDULED")]
