"""Messages made of the values that the rules work with."""

from datetime import date

from crm.calendar import calendar_pb2 as pb
from grpc_utils import to_message
from grpc_utils.errors import Refusal

from service_calendar.business_days import Day
from service_calendar.models import DebitConfiguration
from service_calendar.planning import Planned, Step
from service_calendar.resolution import Resolved


def configuration(row: DebitConfiguration) -> pb.DebitConfiguration:
    """A saved configuration."""
    cutoff = "" if row.cutoff is None else row.cutoff.isoformat("minutes")
    return to_message(row, pb.DebitConfiguration, cutoff_time=cutoff)


def resolved(config: Resolved) -> pb.ResolvedConfig:
    """A configuration without gaps."""
    return pb.ResolvedConfig(
        niveau=config.niveau,
        config_id=config.config_id,
        mode=config.mode,
        batch=config.batch,
        fixed_day=config.fixed_day,
        shift_strategy=config.shift_strategy,
        zone_code=config.zone_code,
        cutoff_time=config.cutoff.isoformat("minutes"),
        lead_days=config.lead_days,
        herite=config.herite,
    )


def planned_date(planned: Planned, *, traced: bool) -> pb.PlannedDate:
    """The day of a debit, with the steps to it if *traced*."""
    steps = enumerate(planned.steps, 1) if traced else ()
    return pb.PlannedDate(
        planned_debit_date=planned.day.isoformat(),
        original_target_date=planned.original.isoformat(),
        was_shifted=planned.was_shifted,
        shift_reason=planned.reason,
        resolved_config=resolved(planned.config),
        resolution_trace=[_step(ordre, step) for ordre, step in steps],
    )


def result(ref: str, outcome: Planned | Refusal) -> pb.PlannedDateResult:
    """The result of an input of a batch."""
    if isinstance(outcome, Refusal):
        return pb.PlannedDateResult(ref=ref, error_code=outcome.reason, error_message=outcome.message)
    return pb.PlannedDateResult(
        ref=ref,
        success=True,
        planned_debit_date=outcome.day.isoformat(),
        original_target_date=outcome.original.isoformat(),
        shift_reason=outcome.reason,
        resolved_config=resolved(outcome.config),
    )


def eligibility(day: Day, after: date | None, before: date | None) -> pb.DateEligibility:
    """What a day is, with the eligible days on both sides of it."""
    return pb.DateEligibility(
        is_eligible=day.eligible,
        is_weekend=day.weekend,
        is_holiday=bool(day.nom),
        is_target_closed=day.target_closed,
        holiday_name=day.label,
        next_eligible_date=_iso(after),
        previous_eligible_date=_iso(before),
    )


def _step(ordre: int, step: Step) -> pb.ResolutionStep:
    return pb.ResolutionStep(
        ordre=ordre,
        description=step.description,
        date_entree=_iso(step.entree),
        date_sortie=_iso(step.sortie),
        regle=step.regle,
    )


def _iso(day: date | None) -> str:
    return "" if day is None else day.isoformat()
