"""The day of a debit (R10 to R15, R17), as a pure function."""

from datetime import date, time

import pytest
from service_calendar.business_days import NoEligibleDateFound
from service_calendar.planning import Planned, Question, Reference, earliest, planned
from service_calendar.resolution import References, Resolved
from tests.jours import NOTHING, calendar, closed, config

NEXT, PREVIOUS, WEEK = "NEXT_BUSINESS_DAY", "PREVIOUS_BUSINESS_DAY", "NEXT_WEEK_SAME_DAY"


def asked(month: str, **bounds: str) -> Question:
    """A question about *month* (YYYY-MM); bounds are min_date and reference."""
    at = bounds.get("reference", "")
    reference = None
    if at:
        text, _, hour = at.partition("T")
        reference = Reference(date.fromisoformat(text), time.fromisoformat(hour) if hour else None)
    least = date.fromisoformat(bounds["min_date"]) if "min_date" in bounds else None
    return Question(int(month[:4]), int(month[5:]), References(), least, reference)


def answer(month: str, configured: Resolved | None = None, **bounds: str) -> Planned:
    """The answer in zone FR."""
    return planned(asked(month, **bounds), configured or config(), calendar())


@pytest.mark.parametrize(
    ("strategy", "target", "day", "reason"),
    [
        (NEXT, "2026-04-05", "2026-04-07", "weekend"),
        (NEXT, "2026-05-01", "2026-05-04", "ferie:Fête du Travail"),
        (NEXT, "2026-05-08", "2026-05-11", "ferie:Fête de la Victoire"),
        (NEXT, "2026-05-24", "2026-05-26", "weekend"),
        (NEXT, "2026-08-15", "2026-08-17", "weekend"),
        (NEXT, "2026-02-28", "2026-03-02", "weekend"),
        (NEXT, "2026-12-25", "2026-12-28", "ferie:Noël"),
        (NEXT, "2026-04-03", "2026-04-07", "target"),
        (NEXT, "2026-02-05", "2026-02-05", ""),
        (PREVIOUS, "2026-04-05", "2026-04-02", "weekend"),
        (PREVIOUS, "2026-05-01", "2026-04-30", "ferie:Fête du Travail"),
        (PREVIOUS, "2027-01-01", "2026-12-31", "ferie:Jour de l'an"),
        (WEEK, "2026-05-01", "2026-05-11", "ferie:Fête du Travail"),
        (WEEK, "2026-04-03", "2026-04-10", "target"),
        (WEEK, "2026-02-05", "2026-02-05", ""),
    ],
)
def test_R10_R12_a_fixed_day_is_shifted(strategy: str, target: str, day: str, reason: str) -> None:
    """To the next or former eligible day, or by a week, for the reason that the target gives."""
    found = answer(target[:7], config(fixed_day=int(target[8:]), shift_strategy=strategy))
    expected = (day, target, day != target, reason)
    assert (found.day.isoformat(), found.original.isoformat(), found.was_shifted, found.reason) == expected


@pytest.mark.parametrize(
    ("month", "batch", "first", "day", "reason"),
    [
        ("2026-03", "L1", "01", "2026-03-02", "weekend"),
        ("2026-03", "L2", "08", "2026-03-09", "weekend"),
        ("2026-03", "L3", "15", "2026-03-16", "weekend"),
        ("2026-03", "L4", "22", "2026-03-23", "weekend"),
        ("2026-05", "L1", "01", "2026-05-04", "ferie:Fête du Travail"),
        ("2026-05", "L2", "08", "2026-05-11", "ferie:Fête de la Victoire"),
        ("2026-05", "L3", "15", "2026-05-15", ""),
        ("2026-05", "L4", "22", "2026-05-22", ""),
        ("2027-05", "L3", "15", "2027-05-18", "weekend"),
        ("2026-02", "L4", "22", "2026-02-23", "weekend"),
    ],
)
def test_R11_a_lot_falls_on_its_first_eligible_day(
    month: str, batch: str, first: str, day: str, reason: str
) -> None:
    """Whatever the strategy is; the target is the first day of the lot."""
    for strategy in (NEXT, PREVIOUS, WEEK):
        found = answer(month, config(batch=batch, shift_strategy=strategy))
        assert (found.day.isoformat(), found.reason) == (day, reason)
        assert found.original.isoformat() == f"{month}-{first}"


@pytest.mark.parametrize(
    ("batch", "first", "last", "day"),
    [
        ("L1", "2026-03-01", "2026-03-07", "2026-03-09"),
        ("L3", "2026-08-15", "2026-08-23", "2026-08-24"),
        ("L4", "2026-02-22", "2026-02-28", "2026-03-02"),
    ],
)
def test_R11_a_lot_without_an_eligible_day(batch: str, first: str, last: str, day: str) -> None:
    """Falls on the first one after it."""
    found = planned(asked(first[:7]), config(batch=batch), calendar("FR", *closed(first, last)))
    assert (found.day.isoformat(), found.reason) == (day, "lot_sans_jour_ouvre")


@pytest.mark.parametrize(
    ("month", "least", "day", "reason"),
    [
        ("2026-01", "2026-01-26", "2026-01-26", "min_date"),
        ("2026-01", "2026-01-24", "2026-01-26", "min_date"),
        ("2026-01", "2026-01-05", "2026-01-05", ""),
        ("2026-04", "2026-04-06", "2026-04-07", "weekend"),
        ("2026-04", "2026-04-08", "2026-04-08", "min_date"),
    ],
)
def test_R13_a_debit_does_not_fall_before_min_date(month: str, least: str, day: str, reason: str) -> None:
    """But on the next eligible day from it; a day that is late enough stays."""
    found = answer(month, min_date=least)
    assert (found.day.isoformat(), found.reason) == (day, reason)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("2026-02-03", "2026-02-05"),
        ("2026-02-03T13:59", "2026-02-05"),
        ("2026-02-03T14:00", "2026-02-05"),
        ("2026-02-03T14:01", "2026-02-06"),
        ("2026-02-03T15:00", "2026-02-06"),
        ("2026-02-03T00:01", "2026-02-05"),
        ("2026-02-03T23:59", "2026-02-06"),
        ("2026-04-01", "2026-04-07"),
        ("2026-02-07T15:00", "2026-02-11"),
        ("2026-02-07", "2026-02-10"),
        ("2026-03-29T00:01", "2026-03-31"),  # clocks go forward in this night
        ("2026-03-29T23:59", "2026-04-01"),
        ("2026-10-25T00:01", "2026-10-27"),  # and back in this one
        ("2026-10-25T23:59", "2026-10-28"),
        ("2026-12-31T00:01", "2027-01-05"),
        ("2026-12-31T23:59", "2027-01-06"),
        ("2027-01-01T00:01", "2027-01-05"),
        ("2027-01-01T23:59", "2027-01-06"),
    ],
)
def test_R14_the_bank_needs_its_lead_time(reference: str, expected: str) -> None:
    """Two business days, from the next one for what comes after 14:00 in Paris."""
    question = asked("2026-02", reference=reference)
    assert question.reference is not None
    assert earliest(question.reference, config(), calendar()).isoformat() == expected


@pytest.mark.parametrize(("lead", "expected"), [(0, "2026-02-03"), (1, "2026-02-04"), (30, "2026-03-17")])
def test_R14_the_lead_time_is_configured(lead: int, expected: str) -> None:
    """With none, a day that is eligible is early enough."""
    reference = Reference(date(2026, 2, 3))
    assert earliest(reference, config(lead_days=lead), calendar()).isoformat() == expected


@pytest.mark.parametrize(
    ("reference", "day", "reason"),
    [
        ("2026-02-03", "2026-02-05", ""),
        ("2026-02-03T15:00", "2026-02-06", "lead_time"),
        ("2026-01-01", "2026-02-05", ""),
        ("2026-02-10", "2026-02-12", "lead_time"),
    ],
)
def test_R14_a_debit_waits_for_the_lead_time(reference: str, day: str, reason: str) -> None:
    """Only where its day would come too soon."""
    found = answer("2026-02", reference=reference)
    assert (found.day.isoformat(), found.reason) == (day, reason)


def test_R15_no_day_at_all_is_refused() -> None:
    """When neither the target nor the 31 days after it are eligible."""
    shut = calendar("FR", *closed("2026-02-01", "2026-03-20"))
    with pytest.raises(NoEligibleDateFound):
        planned(asked("2026-02"), config(), shut)


def test_R17_the_trace_tells_the_steps_that_applied() -> None:
    """In order, each with the day before and after it."""
    found = answer("2026-04", min_date="2026-04-09", reference="2026-04-10T18:00")
    steps = [(step.regle, step.entree, step.sortie) for step in found.steps]
    assert steps == [
        ("configuration", None, None),
        ("target", None, date(2026, 4, 5)),
        ("shift", date(2026, 4, 5), date(2026, 4, 7)),
        ("min_date", date(2026, 4, 7), date(2026, 4, 9)),
        ("lead_time", date(2026, 4, 9), date(2026, 4, 15)),
    ]
    assert found.reason == "lead_time"
    assert [step.regle for step in answer("2026-02").steps] == ["configuration", "target"]


def test_R12_a_zone_without_holidays_shifts_for_weekends_alone() -> None:
    """1 May is a day as any other there."""
    found = planned(asked("2026-05"), config(fixed_day=1), calendar(NOTHING))
    assert (found.was_shifted, found.reason) == (False, "")
