"""PlannedDebitService/UpdateStatus: what a planned debit goes through (R20)."""

from typing import Any

import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import PlannedDebitServiceStub
from grpc import StatusCode
from service_testing import refusal, refused
from tests.plans import STATUTS, WAYS, line, move, plan

INVALID = StatusCode.INVALID_ARGUMENT
# What may follow each status.
NEXT = {
    "PLANNED": {"CONFIRMED", "PROCESSING", "EXECUTED", "FAILED", "CANCELLED"},
    "CONFIRMED": {"PROCESSING", "EXECUTED", "FAILED", "CANCELLED"},
    "PROCESSING": {"EXECUTED", "FAILED"},
    "EXECUTED": {"FAILED"},
    "FAILED": {"PROCESSING", "EXECUTED"},
    "CANCELLED": set[str](),
}


@pytest.mark.parametrize("before", STATUTS)
async def test_R20_which_status_may_follow(debits: PlannedDebitServiceStub, before: str) -> None:
    """Steps forward may be left out; everything else is refused, but for the status itself."""
    await debits.Plan(plan(*(line(schedule_id=after) for after in STATUTS)))
    for after in STATUTS:
        where: dict[str, Any] = {"schedule_id": after, "rang": 1}
        for step in WAYS.get(before, ()):
            await debits.UpdateStatus(pb.UpdatePlannedDebitStatusRequest(statut=step, **where))
        call = debits.UpdateStatus(pb.UpdatePlannedDebitStatusRequest(statut=after, **where))
        if after == before or after in NEXT[before]:
            assert (await call).statut == after
        else:
            told = await refusal(call)
            assert (told.code, told.reason) == (StatusCode.FAILED_PRECONDITION, "TRANSITION_INTERDITE")
            assert told.metadata == {"de": before, "vers": after}


async def test_R20_what_was_really_debited_is_kept(
    debits: PlannedDebitServiceStub, planned: pb.PlannedDebit
) -> None:
    """With the status that it comes with; the same status again changes nothing."""
    done = await debits.UpdateStatus(move("EXECUTED", montant_reel=49.8, date_reelle="2026-04-08"))
    assert (done.statut, done.montant_reel, done.date_reelle, done.version) == (
        "EXECUTED",
        49.8,
        "2026-04-08",
        2,
    )
    assert await debits.UpdateStatus(move("EXECUTED", montant_reel=1)) == done
    back = await debits.UpdateStatus(move("FAILED"))
    assert (back.statut, back.montant_reel, back.version) == ("FAILED", 49.8, 3)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"statut": ""}, (INVALID, "CHAMP_REQUIS")),
        ({"statut": "PAID"}, (INVALID, "VALEUR_INCONNUE")),
        ({"rang": 2}, (StatusCode.NOT_FOUND, "INTROUVABLE")),
        ({"rang": 0}, (INVALID, "NOMBRE_HORS_LIMITES")),
        ({"montant_reel": -1}, (INVALID, "MONTANT_INVALIDE")),
        ({"date_reelle": "2026-13-01"}, (INVALID, "DATE_INVALIDE")),
    ],
)
async def test_R20_status_changes_that_are_refused(
    debits: PlannedDebitServiceStub,
    planned: pb.PlannedDebit,
    fields: dict[str, Any],
    expected: tuple[StatusCode, str],
) -> None:
    """Unknown statuses and debits, amounts and days that cannot be."""
    usual: dict[str, Any] = {"schedule_id": "ech-1", "rang": 1, "statut": "EXECUTED"}
    call = debits.UpdateStatus(pb.UpdatePlannedDebitStatusRequest(**usual | fields))
    assert await refused(call) == expected
