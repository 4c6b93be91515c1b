"""The day on which a debit falls: target, shift, earliest day (R10 to R15, R17). Pure."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Final

from service_calendar.business_days import ZoneCalendar
from service_calendar.models import BATCH, NEXT_BUSINESS_DAY, NEXT_WEEK_SAME_DAY, PREVIOUS_BUSINESS_DAY
from service_calendar.resolution import References, Resolved

MIN_DATE: Final = "min_date"
LEAD_TIME: Final = "lead_time"
LOT_SANS_JOUR_OUVRE: Final = "lot_sans_jour_ouvre"

_FIRST_DAYS = {"L1": 1, "L2": 8, "L3": 15, "L4": 22}
_LAST_DAYS = {"L1": 7, "L2": 14, "L3": 21}  # L4 lasts to the end of the month
_SHIFTS = {
    NEXT_BUSINESS_DAY: "Report au premier jour possible qui suit",
    PREVIOUS_BUSINESS_DAY: "Report au dernier jour possible qui précède",
    NEXT_WEEK_SAME_DAY: "Report d'une semaine",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """When a debit is asked for, in Paris; without a time, before the cut-off of that day."""

    day: date
    at: time | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """The month whose debit is asked for, and what bounds it."""

    year: int
    month: int
    references: References
    min_date: date | None = None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A rule that applied, and what it made of a day (R17)."""

    regle: str
    description: str
    entree: date | None = None
    sortie: date | None = None


class Planned:
    """The answer, as it comes about: the day so far, why it is not the target, and the steps."""

    def __init__(self, config: Resolved, target: date) -> None:
        self.config, self.original, self.day, self.reason = config, target, target, ""
        self.steps = [
            Step("configuration", f"Configuration du niveau {config.niveau}"),
            Step("target", f"Jour visé : {_said(config)}", sortie=target),
        ]

    @property
    def was_shifted(self) -> bool:
        """Whether the day is another one than the target (R12)."""
        return self.day != self.original

    def move(self, regle: str, to: date, reason: str, description: str) -> None:
        """Note that *regle* moved the day *to* another one."""
        self.steps.append(Step(regle, description, self.day, to))
        self.day, self.reason = to, reason


def planned(question: Question, config: Resolved, calendar: ZoneCalendar) -> Planned:
    """The day of the debit of a month. Raises NoEligibleDateFound (R15)."""
    target = date(question.year, question.month, _FIRST_DAYS.get(config.batch) or config.fixed_day)
    answer = Planned(config, target)
    if config.mode == BATCH:
        _into_lot(answer, calendar)
    elif not calendar.is_eligible(target):
        to = _shifted(target, config.shift_strategy, calendar)
        answer.move("shift", to, calendar.day(target).reason, _SHIFTS[config.shift_strategy])
    if question.min_date is not None and answer.day < question.min_date:
        to = calendar.next(question.min_date)
        answer.move(MIN_DATE, to, MIN_DATE, f"Pas avant le {question.min_date:%d/%m/%Y}")
    if question.reference is not None:
        _not_too_soon(answer, question.reference, calendar)
    return answer


def earliest(reference: Reference, config: Resolved, calendar: ZoneCalendar) -> date:
    """The first day that leaves the bank its lead time, counted from the next day after the cut-off (R14)."""
    late = reference.at is not None and reference.at > config.cutoff
    start = calendar.add(reference.day, 1) if late else reference.day
    return calendar.add(start, config.lead_days)


def _not_too_soon(answer: Planned, reference: Reference, calendar: ZoneCalendar) -> None:
    first = earliest(reference, answer.config, calendar)
    if answer.day < first:
        delay = f"Délai de remise en jours ouvrés : {answer.config.lead_days}"
        answer.move(LEAD_TIME, first, LEAD_TIME, delay)


def _shifted(target: date, strategy: str, calendar: ZoneCalendar) -> date:
    """The day on which a target falls that is not eligible (R10)."""
    if strategy == PREVIOUS_BUSINESS_DAY:
        return calendar.former(target)
    return calendar.next(target + timedelta(days=7) if strategy == NEXT_WEEK_SAME_DAY else target)


def _into_lot(answer: Planned, calendar: ZoneCalendar) -> None:
    """Move the answer to the first eligible day of its lot, or to the first one after the lot (R11)."""
    first = answer.original
    last = first.replace(day=_LAST_DAYS.get(answer.config.batch) or monthrange(first.year, first.month)[1])
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    inside = next(filter(calendar.is_eligible, days), None)
    if inside is None:
        after = calendar.next(last + timedelta(days=1))
        answer.move("shift", after, LOT_SANS_JOUR_OUVRE, "Premier jour possible après le lot")
    elif inside != first:
        answer.move("shift", inside, calendar.day(first).reason, "Premier jour possible du lot")


def _said(config: Resolved) -> str:
    return f"lot {config.batch}" if config.mode == BATCH else f"le {config.fixed_day} du mois"
