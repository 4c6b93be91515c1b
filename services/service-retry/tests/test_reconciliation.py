"""What nothing was heard of is asked for (R17); the journal is only added to."""

import psycopg
import pytest
from crm.payments import payments_pb2
from db_utils.clock import frozen_at
from service_retry.models import RetryAudit
from service_retry.reconciliation import reconcile
from service_testing import eventually
from sqlalchemy import delete, select, update
from tests.bureau import Bureau, at, days_of


async def _submitted(bureau: Bureau) -> tuple[str, str]:
    """The ids of a rejected debit and of its new presentation of 16 March."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    return payment.id, (await bureau.submitted(payment, "2026-03-12")).id


async def _asked(bureau: Bureau, day: str, hour: int = 9, minute: int = 30) -> None:
    with frozen_at(at(day, hour, minute)):
        await reconcile(bureau.app)


@pytest.mark.parametrize(
    ("statut", "fields", "expected"),
    [
        ("PAID", {"date_reception": "2026-03-16"}, ("SUCCEEDED", "RETRY_SUCCEEDED")),
        ("REFUNDED", {"date_reception": "2026-03-16"}, ("SUCCEEDED", "RETRY_SUCCEEDED")),
        (
            "REJECTED",
            {"motif_rejet": "AC04", "date_rejet": "2026-03-18"},
            ("FAILED", "NOT_ELIGIBLE_REASON_CODE"),
        ),
        ("CANCELLED", {"echeance_statut": "PAYEE"}, ("CANCELLED", "PAYMENT_SETTLED")),
    ],
)
async def test_R17_an_outcome_that_was_not_heard_is_applied(
    bureau: Bureau, statut: str, fields: dict[str, str], expected: tuple[str, str]
) -> None:
    """Six eligible days after its day, from 09:30 on; as if it had been reported."""
    original, debit = _of(bureau, await _submitted(bureau))
    debit.statut = statut
    for name, value in fields.items():
        setattr(original if name == "echeance_statut" else debit, name, value)
    for day, hour, minute in (("2026-03-24", 9, 30), ("2026-03-25", 9, 29)):
        await _asked(bureau, day, hour, minute)
        assert (await bureau.schedule(original)).attempts[0].statut == "SUBMITTED"

    async def applied() -> bool:  # a callee may be too slow; the job asks again
        await _asked(bureau, "2026-03-25")
        return (await bureau.schedule(original)).attempts[0].statut != "SUBMITTED"

    await eventually(applied, timeout=60)
    schedule = await bureau.schedule(original)
    assert (days_of(schedule)[0][3], schedule.resolution_reason) == expected


def _of(bureau: Bureau, ids: tuple[str, str]) -> tuple[payments_pb2.Payment, payments_pb2.Payment]:
    original, debit = ids
    return bureau.banque.payments[original], bureau.banque.payments[debit]


async def test_R17_what_payments_still_holds_stays(bureau: Bureau) -> None:
    """SUBMITTED, PENDING and FAILED are no outcomes."""
    original, debit = _of(bureau, await _submitted(bureau))
    for statut, day in (("SUBMITTED", "2026-03-25"), ("PENDING", "2026-03-26"), ("FAILED", "2026-03-27")):
        debit.statut = statut
        await _asked(bureau, day)
        assert days_of(await bureau.schedule(original))[0][3] == "SUBMITTED"


@pytest.mark.parametrize(
    "change", [update(RetryAudit).values(acteur="personne"), delete(RetryAudit)], ids=["update", "delete"]
)
async def test_R9_the_journal_is_only_added_to(bureau: Bureau, change: object) -> None:
    """By nobody, not even by this service."""
    payment = bureau.payment()
    await bureau.reject(payment, "2026-03-09")
    with pytest.raises(psycopg.errors.RaiseException, match="only ever added to"):
        async with bureau.mesh.database("retry").transaction() as tx:
            await tx.execute(change)  # type: ignore[arg-type]  # an UPDATE or a DELETE
    lines = select(RetryAudit).where(RetryAudit.organisation_id == bureau.org)
    assert {one.acteur for one in await bureau.mesh.database("retry").read().all(lines)} == {"service:retry"}
