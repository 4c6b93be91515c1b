"""Figures about the rejections of a period (R19)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from crm.retry import retry_pb2 as pb
from db_utils import Reader
from grpc_utils import civil_date, required
from grpc_utils.errors import InvalidArgument
from sqlalchemy import Date, Integer, String, bindparam, case, exists, func, select

from service_retry.models import (
    FAILED,
    NOT_ELIGIBLE_REASON_CODE,
    RETRY_SUCCEEDED,
    SUCCEEDED,
    RetryAttempt,
    RetrySchedule,
)

_FOUR_DECIMALS: Final = Decimal("0.0001")


class PeriodeInvalide(InvalidArgument):
    """La période se termine avant de commencer."""


@dataclass(frozen=True, slots=True)
class Periode:
    """First and last day of the rejections that are counted."""

    first: date
    last: date


def periode(request: pb.GetRetryStatisticsRequest) -> Periode:
    """The period of *request*. Raises ChampRequis, DateInvalide, PeriodeInvalide."""
    first, last = (
        civil_date(required(getattr(request, name), name), name) for name in ("date_from", "date_to")
    )
    if last < first:
        raise PeriodeInvalide(champ="date_to")
    return Periode(first, last)


_counted: Final = (
    RetrySchedule.rejection_date.between(bindparam("first", type_=Date), bindparam("last", type_=Date)),
    bindparam("societe_id", type_=String).in_(["", RetrySchedule.societe_id]),
)
_has_attempts = exists().where(RetryAttempt.retry_schedule_id == RetrySchedule.id)
_was_never_eligible = (RetrySchedule.eligibility == NOT_ELIGIBLE_REASON_CODE) & ~_has_attempts


def _number(criterion: Any) -> Any:
    return func.coalesce(func.sum(case((criterion, 1), else_=0)), 0).cast(Integer)


def _sum(criterion: Any) -> Any:
    return func.coalesce(func.sum(case((criterion, RetrySchedule.montant), else_=0)), 0)


_OF_SCHEDULES: Final = select(
    func.jsonb_build_object(
        "total",
        func.count(),
        "non_eligibles",
        _number(_was_never_eligible),
        "recupere",
        _sum(RetrySchedule.resolution_reason == RETRY_SUCCEEDED).cast(String),
        "en_attente",
        _sum(~RetrySchedule.is_resolved).cast(String),
    )
).where(*_counted)
_OF_CODES: Final = (
    select(func.jsonb_build_object("code", RetrySchedule.rejection_code, "nombre", func.count()))
    .where(*_counted)
    .group_by(RetrySchedule.rejection_code)
    .order_by(func.count().desc(), RetrySchedule.rejection_code)
)
_OF_ATTEMPTS: Final = (
    select(
        func.jsonb_build_object(
            "tentatives",
            func.count(RetryAttempt.executed_at),
            "reussies",
            _number(RetryAttempt.statut == SUCCEEDED),
            "echouees",
            _number(RetryAttempt.statut == FAILED),
        )
    )
    .select_from(RetryAttempt)
    .join(RetrySchedule, RetrySchedule.id == RetryAttempt.retry_schedule_id)
    .where(*_counted)
)


async def statistiques(reader: Reader, within: Periode, societe_id: str) -> pb.RetryStatistics:
    """Count the rejections of the period, of one société unless *societe_id* is empty (R19)."""
    asked: dict[str, Any] = {"first": within.first, "last": within.last, "societe_id": societe_id}
    schedules: dict[str, Any] = (await reader.one(_OF_SCHEDULES, **asked)) or {}
    attempts: dict[str, Any] = (await reader.one(_OF_ATTEMPTS, **asked)) or {}
    codes: Sequence[dict[str, Any]] = await reader.all(_OF_CODES, **asked)
    total, never = schedules.get("total", 0), schedules.get("non_eligibles", 0)
    succeeded, failed = attempts.get("reussies", 0), attempts.get("echouees", 0)
    return pb.RetryStatistics(
        rejets_total=total,
        par_code=[pb.RejetsParCode(**code) for code in codes],
        eligibles=total - never,
        non_eligibles=never,
        tentatives=attempts.get("tentatives", 0),
        reussies=succeeded,
        echouees=failed,
        taux_reussite=float(taux(succeeded, failed)),
        montant_recupere=float(schedules.get("recupere", 0)),
        montant_en_attente=float(schedules.get("en_attente", 0)),
    )


def taux(succeeded: int, failed: int) -> Decimal:
    """The part of *succeeded* among the attempts that have ended, 0 without any (R19)."""
    ended = succeeded + failed
    if not ended:
        return Decimal(0)
    return (Decimal(succeeded) / ended).quantize(_FOUR_DECIMALS, ROUND_HALF_UP)
