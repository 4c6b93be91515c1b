"""Plans of debits, and ways to their statuses, for several test modules."""

from typing import Any

from crm.calendar import calendar_pb2 as pb

STATUTS = ("PLANNED", "CONFIRMED", "PROCESSING", "EXECUTED", "FAILED", "CANCELLED")
WAYS = {
    "CONFIRMED": ("CONFIRMED",),
    "PROCESSING": ("CONFIRMED", "PROCESSING"),
    "EXECUTED": ("EXECUTED",),
    "FAILED": ("PROCESSING", "FAILED"),
    "CANCELLED": ("CANCELLED",),
}


def line(rang: int = 1, **fields: Any) -> pb.DebitToPlan:
    """A line of 49.90 on 7 April 2026, unless *fields* say otherwise."""
    usual: dict[str, Any] = {
        "schedule_id": "ech-1",
        "client_id": "client-123",
        "planned_debit_date": "2026-04-07",
        "montant": 49.9,
    }
    return pb.DebitToPlan(**usual | {"rang": rang} | fields)


def plan(*lines: pb.DebitToPlan) -> pb.PlanDebitsRequest:
    """The request to plan *lines*."""
    return pb.PlanDebitsRequest(debits=lines)


def results(answer: pb.PlanDebitsResponse) -> list[str]:
    """What became of each line."""
    return [one.resultat for one in answer.lignes]


def move(statut: str, **fields: Any) -> pb.UpdatePlannedDebitStatusRequest:
    """The request to move the first debit on."""
    return pb.UpdatePlannedDebitStatusRequest(schedule_id="ech-1", rang=1, statut=statut, **fields)
