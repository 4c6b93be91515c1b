"""RetryEngineService: runs one at a time, what would become of a rejection, figures (R10, R19)."""

import asyncio
from decimal import Decimal

import pytest
from crm.payments import payments_pb2
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryEngineServiceStub, RetryPolicyServiceStub
from db_utils import uuid7
from db_utils.clock import frozen_at
from grpc import StatusCode
from service_retry.models import RetryJob
from service_retry.remises import only_run
from service_retry.statistiques import taux
from service_testing import refused
from sqlalchemy import select
from tests.bureau import Bureau, at, patiently


async def test_R10_one_run_of_an_organisation_at_a_time(bureau: Bureau) -> None:
    """The other one is told so; afterwards it may."""
    async with only_run(bureau.app, bureau.org) as alone:
        assert alone
        told = await refused(bureau.once(at("2026-03-12", 10)))
    assert told == (StatusCode.ABORTED, "EXECUTION_EN_COURS")
    assert (await bureau.once(at("2026-03-12", 10))).statut == "COMPLETED"


async def test_R10_two_runs_at_once_make_one_debit(bureau: Bureau) -> None:
    """One works, the other is told so or finds nothing left."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    runs = [bureau.once(at("2026-03-12", 10)) for _ in range(4)]
    ends = await asyncio.gather(*runs, return_exceptions=True)
    answers = [end for end in ends if isinstance(end, pb.ProcessDueResponse)]
    assert answers, ends
    await bureau.process(at("2026-03-12", 10))
    assert len(bureau.banque.debits_of(payment.id)) == 1


async def test_R10_a_run_is_kept(bureau: Bureau) -> None:
    """Who asked for it and what it came to."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    answer = await bureau.process(at("2026-03-12", 10))
    jobs = select(RetryJob).where(RetryJob.organisation_id == bureau.org)
    job = {str(one.id): one for one in await bureau.mesh.database("retry").read().all(jobs)}[answer.job_id]
    assert (job.statut, job.total, job.soumis, job.ignores, job.echoues) == ("COMPLETED", 1, 1, 0, 0)
    assert (job.is_manual, job.target_date.isoformat()) == (True, "2026-03-12")
    assert (bool(job.triggered_by), job.ended_at is None) == (True, False)


async def test_R10_one_schedule_may_be_run_alone(bureau: Bureau) -> None:
    """The others stay."""
    first, second = bureau.payment(), bureau.payment()
    for payment in (first, second):
        await bureau.reject(payment, "2026-03-09")
    schedule = await bureau.schedule(first)
    await bureau.process(at("2026-03-12", 10), retry_schedule_id=schedule.id)
    made = [len(bureau.banque.debits_of(payment.id)) for payment in (first, second)]
    assert made == [1, 0]


async def test_R10_a_run_is_not_of_the_future(bureau: Bureau) -> None:
    """Nor of an unknown schedule."""
    assert await refused(bureau.once(at("2026-03-12", 10), date="2026-03-13")) == (
        StatusCode.INVALID_ARGUMENT,
        "DATE_FUTURE",
    )
    assert await refused(bureau.once(at("2026-03-12", 10), retry_schedule_id=str(uuid7()))) == (
        StatusCode.NOT_FOUND,
        "INTROUVABLE",
    )


async def _check(bureau: Bureau, day: str, **fields: str) -> pb.CheckEligibilityResponse:
    with frozen_at(at(day)):
        request = pb.CheckEligibilityRequest(**fields)
        stub = bureau.stub(RetryEngineServiceStub)
        answer: pb.CheckEligibilityResponse = await patiently(lambda: stub.CheckEligibility(request))
        return answer


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"motif_rejet": "am04"}, ("ELIGIBLE", "provision insuffisante", "2026-03-16")),
        (
            {"motif_rejet": "AC04"},
            (
                "NOT_ELIGIBLE_REASON_CODE",
                "compte clôturé : nouvelles coordonnées bancaires nécessaires",
                "",
            ),
        ),
        ({"motif_rejet": "ZZ01"}, ("NOT_ELIGIBLE_REASON_CODE", "code inconnu", "")),
        (
            {"motif_rejet": "AM04", "date_rejet": "2026-02-05"},
            ("NOT_ELIGIBLE_MAX_ATTEMPTS", "durée totale dépassée", ""),
        ),
    ],
)
async def test_R5_what_would_become_of_a_rejection(
    bureau: Bureau, fields: dict[str, str], expected: tuple[str, str, str]
) -> None:
    """Nothing is kept of the question."""
    told = await _check(bureau, "2026-03-09", **fields)
    assert (told.eligibility, told.raison, told.first_retry_date) == expected


async def test_R3_the_answer_names_the_policy(bureau: Bureau) -> None:
    """That of the société."""
    request = pb.CreateRetryPolicyRequest(
        nom="Sienne", societe_id="soc-1", is_default=True, retry_delays_days=[7]
    )
    policy = await bureau.stub(RetryPolicyServiceStub).Create(request)
    own = await _check(bureau, "2026-03-09", motif_rejet="AM04", societe_id="soc-1")
    other = await _check(bureau, "2026-03-09", motif_rejet="AM04", societe_id="soc-2")
    assert (own.policy_id, own.first_retry_date) == (policy.id, "2026-03-16")
    assert (other.policy_id, other.first_retry_date) == ("", "2026-03-16")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "CHAMP_REQUIS"),
        ({"motif_rejet": "X" * 36}, "TROP_LONG"),
        ({"motif_rejet": "AM04", "date_rejet": "2026-03-10"}, "DATE_REJET_INVALIDE"),
        ({"motif_rejet": "AM04", "societe_id": "a b"}, "FORMAT_INVALIDE"),
    ],
)
async def test_R2_a_question_must_make_sense(bureau: Bureau, fields: dict[str, str], reason: str) -> None:
    """Otherwise it is refused."""
    assert await refused(_check(bureau, "2026-03-09", **fields)) == (StatusCode.INVALID_ARGUMENT, reason)


async def _ended(bureau: Bureau, outcomes: list[str]) -> payments_pb2.Payment:
    """A rejected debit whose new presentations end as *outcomes* say, one by one."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    days = ["2026-03-12", "2026-03-17", "2026-03-26"]
    for day, outcome in zip(days, outcomes, strict=False):
        debit = await bureau.submitted(payment, day)
        if outcome == "PAID":
            await bureau.report(debit, "PAID", day)
        else:
            await bureau.reject(debit, day, when=at(day, 10, 30))
    return payment


async def _figures(bureau: Bureau, **fields: str) -> pb.RetryStatistics:
    request = pb.GetRetryStatisticsRequest(**({"date_from": "2026-03-01", "date_to": "2026-03-31"} | fields))
    answer: pb.RetryStatistics = await bureau.stub(RetryEngineServiceStub).GetStatistics(request)
    return answer


async def test_R19_what_became_of_three_rejections(bureau: Bureau) -> None:
    """One succeeds at once, one at the third attempt, one never."""
    for outcomes in (["PAID"], ["AM04", "AM04", "PAID"], ["AM04", "AM04", "AM04"]):
        await _ended(bureau, outcomes)
    assert await _figures(bureau) == pb.RetryStatistics(
        rejets_total=3,
        par_code=[pb.RejetsParCode(code="AM04", nombre=3)],
        eligibles=3,
        tentatives=7,
        reussies=2,
        echouees=5,
        taux_reussite=0.2857,
        montant_recupere=99.80,
    )


async def test_R19_what_waits_and_what_never_was_eligible(bureau: Bureau) -> None:
    """By code; of the period, and of one société if it is named."""
    await bureau.reject(bureau.payment(societe_id="soc-1"), "2026-03-09")
    for code in ("AC04", "AC04", "MD06"):
        await bureau.reject(bureau.payment(), "2026-03-10", code)
    await bureau.reject(bureau.payment(), "2026-02-28")
    figures = await _figures(bureau)
    assert [(one.code, one.nombre) for one in figures.par_code] == [("AC04", 2), ("AM04", 1), ("MD06", 1)]
    assert (figures.rejets_total, figures.eligibles, figures.non_eligibles) == (4, 1, 3)
    assert (figures.montant_en_attente, figures.taux_reussite) == (49.90, 0.0)
    assert (await _figures(bureau, societe_id="soc-1")).rejets_total == 1
    assert await refused(_figures(bureau, date_from="2026-04-01")) == (
        StatusCode.INVALID_ARGUMENT,
        "PERIODE_INVALIDE",
    )


@pytest.mark.parametrize(
    ("succeeded", "failed", "expected"),
    [(0, 0, "0"), (2, 5, "0.2857"), (1, 1, "0.5000"), (1, 0, "1.0000"), (2, 1, "0.6667")],
)
def test_R19_the_rate_has_four_decimals(succeeded: int, failed: int, expected: str) -> None:
    """None without any."""
    assert taux(succeeded, failed) == Decimal(expected)
