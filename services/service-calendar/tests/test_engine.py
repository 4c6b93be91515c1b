"""CalendarEngineService: days of debits, eligible days, counting them."""

from typing import Any

import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import (
    CalendarEngineServiceStub,
    DebitConfigurationServiceStub,
    HolidayServiceStub,
)
from grpc import StatusCode
from service_testing import Mesh, refusal, refused

INVALID = StatusCode.INVALID_ARGUMENT


async def configured(configurations: DebitConfigurationServiceStub, societe_id: str, **fields: Any) -> None:
    """Have debits of a société fall on the 5th, unless *fields* say otherwise."""
    usual: dict[str, Any] = {
        "niveau": "SOCIETE",
        "reference_id": societe_id,
        "mode": "FIXED_DAY",
        "fixed_day": 5,
    }
    await configurations.Save(pb.SaveDebitConfigurationRequest(**usual | fields))


async def test_R2_an_empty_database_answers(engine: CalendarEngineServiceStub) -> None:
    """With the default, and the trace only when it is asked for."""
    found = await engine.CalculatePlannedDate(
        pb.CalculatePlannedDateRequest(target_year=2026, target_month=4)
    )
    expected = pb.PlannedDate(
        planned_debit_date="2026-04-07",
        original_target_date="2026-04-05",
        was_shifted=True,
        shift_reason="weekend",
        resolved_config=pb.ResolvedConfig(
            niveau="SYSTEM",
            mode="FIXED_DAY",
            fixed_day=5,
            shift_strategy="NEXT_BUSINESS_DAY",
            zone_code="FR",
            cutoff_time="14:00",
            lead_days=2,
        ),
    )
    assert found == expected


async def test_R17_the_trace_is_told_when_asked(engine: CalendarEngineServiceStub) -> None:
    """Every step has its number, its rule and a French sentence."""
    found = await engine.CalculatePlannedDate(
        pb.CalculatePlannedDateRequest(
            target_year=2026,
            target_month=2,
            reference_date="2026-02-03T15:00",
            min_date="2026-01-26",
            include_resolution_trace=True,
        )
    )
    steps = [(step.ordre, step.regle, step.date_entree, step.date_sortie) for step in found.resolution_trace]
    assert steps == [
        (1, "configuration", "", ""),
        (2, "target", "", "2026-02-05"),
        (3, "lead_time", "2026-02-05", "2026-02-06"),
    ]
    assert found.resolution_trace[2].description == "Délai de remise en jours ouvrés : 2"
    assert (found.planned_debit_date, found.shift_reason) == ("2026-02-06", "lead_time")


async def test_R10_R16_the_year_of_a_contract(
    engine: CalendarEngineServiceStub, configurations: DebitConfigurationServiceStub
) -> None:
    """The dates of payments, and the days two business days before on which files are sent."""
    await configured(configurations, "soc-1", shift_strategy="NEXT_BUSINESS_DAY", zone_code="FR")
    months = [(2026, month) for month in range(2, 13)] + [(2027, 1)]
    inputs = [
        pb.PlannedDateInput(ref=f"{year}-{month}", target_year=year, target_month=month, societe_id="soc-1")
        for year, month in months
    ]
    answer = await engine.CalculatePlannedDatesBatch(pb.CalculatePlannedDatesBatchRequest(inputs=inputs))
    dates = [result.planned_debit_date for result in answer.results]
    assert " ".join(date[8:] + "/" + date[5:7] for date in dates) == (
        "05/02 05/03 07/04 05/05 05/06 06/07 05/08 07/09 05/10 05/11 07/12 05/01"
    )
    assert (answer.total_count, answer.success_count, answer.error_count) == (12, 12, 0)
    assert [result.shift_reason for result in answer.results][2] == "weekend"
    sent = [
        (await engine.AddBusinessDays(pb.AddBusinessDaysRequest(date=date, days=-2, societe_id="soc-1"))).date
        for date in dates
    ]
    assert " ".join(date[8:] + "/" + date[5:7] for date in sent) == (
        "03/02 03/03 01/04 30/04 03/06 02/07 03/08 03/09 01/10 03/11 03/12 31/12"
    )


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2026-03-14", "2026-03-16"),
        ("2026-03-20", "2026-03-20"),
        ("2026-03-29", "2026-03-30"),
        ("2026-03-07", "2026-03-09"),
        ("2026-04-04", "2026-04-07"),
        ("2026-04-19", "2026-04-20"),
    ],
)
async def test_R16_days_that_retries_and_reminders_ask_for(
    engine: CalendarEngineServiceStub, date: str, expected: str
) -> None:
    """The day itself or the next eligible one."""
    assert (await engine.AddBusinessDays(pb.AddBusinessDaysRequest(date=date))).date == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (
            "2026-04-03",
            pb.DateEligibility(
                is_target_closed=True,
                holiday_name="Fermeture TARGET",
                next_eligible_date="2026-04-07",
                previous_eligible_date="2026-04-02",
            ),
        ),
        (
            "2026-05-14",
            pb.DateEligibility(
                is_holiday=True,
                holiday_name="Ascension",
                next_eligible_date="2026-05-15",
                previous_eligible_date="2026-05-13",
            ),
        ),
        (
            "2026-12-26",
            pb.DateEligibility(
                is_weekend=True,
                is_target_closed=True,
                holiday_name="Fermeture TARGET",
                next_eligible_date="2026-12-28",
                previous_eligible_date="2026-12-24",
            ),
        ),
        (
            "2026-07-14",
            pb.DateEligibility(
                is_holiday=True,
                holiday_name="Fête nationale",
                next_eligible_date="2026-07-15",
                previous_eligible_date="2026-07-13",
            ),
        ),
        (
            "2026-07-15",
            pb.DateEligibility(
                is_eligible=True, next_eligible_date="2026-07-16", previous_eligible_date="2026-07-13"
            ),
        ),
    ],
)
async def test_R18_what_a_day_is_with_its_neighbours(
    engine: CalendarEngineServiceStub, date: str, expected: pb.DateEligibility
) -> None:
    """The neighbours of an eligible day are others than itself."""
    assert await engine.CheckDateEligibility(pb.CheckDateEligibilityRequest(date=date)) == expected


async def test_R18_the_zone_is_named_or_that_of_the_societe(
    engine: CalendarEngineServiceStub, configurations: DebitConfigurationServiceStub
) -> None:
    """A société without a configuration has the zone of the organisation."""
    friday = "2028-12-26"
    for request, name in (
        ({"zone_code": "FR-ALS"}, "Saint-Étienne"),
        ({"societe_id": "soc-als"}, "Fermeture TARGET"),
        ({}, "Fermeture TARGET"),
    ):
        asked = pb.CheckDateEligibilityRequest(date=friday, **request)
        assert (await engine.CheckDateEligibility(asked)).holiday_name == name
    await configured(configurations, "soc-als", zone_code="FR-ALS")
    asked = pb.CheckDateEligibilityRequest(date=friday, societe_id="soc-als")
    assert (await engine.CheckDateEligibility(asked)).holiday_name == "Saint-Étienne"
    await configurations.Save(
        pb.SaveDebitConfigurationRequest(niveau="SYSTEM", mode="BATCH", batch="L1", zone_code="FR-974")
    )
    asked = pb.CheckDateEligibilityRequest(date="2028-12-20", societe_id="soc-autre")
    assert (await engine.CheckDateEligibility(asked)).holiday_name == "Abolition de l'esclavage"


@pytest.mark.parametrize("zone", ["FR", "LOIN"])
async def test_R16_holidays_entered_far_away_are_counted(
    engine: CalendarEngineServiceStub, holidays: HolidayServiceStub, zone: str
) -> None:
    """Also at the end of the longest count; those of other zones are not."""
    await holidays.CreateZone(pb.CreateHolidayZoneRequest(code="LOIN", nom="Loin"))
    counted = [
        pb.AddBusinessDaysRequest(date="2026-06-30", days=days, zone_code=zone) for days in (250, -250)
    ]
    for asked, beyond in zip(counted, (1, -1), strict=True):
        last = (await engine.AddBusinessDays(asked)).date
        await holidays.Create(pb.CreateHolidayRequest(zone_code=zone, date=last, nom="Fermeture"))
        other = "LOIN" if zone == "FR" else "FR"
        one_more = pb.AddBusinessDaysRequest(date=last, days=beyond, zone_code=other)
        assert await engine.AddBusinessDays(asked) == await engine.AddBusinessDays(one_more)


async def test_R15_no_eligible_day_within_31_days(
    engine: CalendarEngineServiceStub, holidays: HolidayServiceStub
) -> None:
    """Is refused for a debit and for counting; of a day it leaves the neighbour empty."""
    await holidays.CreateZone(
        pb.CreateHolidayZoneRequest(code="FERME", nom="Fermé", pays="", inclure_target=False)
    )
    for number in range(33):
        day = f"2026-{'07' if number < 31 else '08'}-{number % 31 + 1:02}"
        await holidays.Create(pb.CreateHolidayRequest(zone_code="FERME", date=day, nom="Fermeture"))
    counted = pb.AddBusinessDaysRequest(date="2026-06-30", days=1, zone_code="FERME")
    assert await refused(engine.AddBusinessDays(counted)) == (
        StatusCode.FAILED_PRECONDITION,
        "NO_ELIGIBLE_DATE_FOUND",
    )
    asked = pb.CheckDateEligibilityRequest(date="2026-06-30", zone_code="FERME")
    found = await engine.CheckDateEligibility(asked)
    assert (found.is_eligible, found.next_eligible_date) == (True, "")
    assert found.previous_eligible_date == "2026-06-29"


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"target_month": 0}, "DATE_INVALIDE", "target_month"),
        ({"target_month": 13}, "DATE_INVALIDE", "target_month"),
        ({"target_year": 1999}, "DATE_INVALIDE", "target_year"),
        ({"target_year": 2100}, "DATE_INVALIDE", "target_year"),
        ({"min_date": "2026-02-30"}, "DATE_INVALIDE", "min_date"),
        ({"min_date": "05/02/2026"}, "DATE_INVALIDE", "min_date"),
        ({"min_date": "2100-01-01"}, "DATE_INVALIDE", "min_date"),
        ({"reference_date": "1999-12-31"}, "DATE_INVALIDE", "reference_date"),
        ({"reference_date": "2026-02-03 15:00"}, "DATE_INVALIDE", "reference_date"),
        ({"reference_date": "2026-02-03T"}, "FORMAT_INVALIDE", "reference_date"),
        ({"reference_date": "2026-02-03T24:00"}, "FORMAT_INVALIDE", "reference_date"),
        ({"reference_date": "2026-02-03T15:00:00"}, "FORMAT_INVALIDE", "reference_date"),
        ({"societe_id": "a b"}, "FORMAT_INVALIDE", "societe_id"),
    ],
)
async def test_R10_bad_questions_name_the_field(
    engine: CalendarEngineServiceStub, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """Months, days and ids that cannot be."""
    asked = pb.CalculatePlannedDateRequest(**{"target_year": 2026, "target_month": 2} | fields)
    told = await refusal(engine.CalculatePlannedDate(asked))
    assert (told.code, told.reason, told.metadata) == (INVALID, reason, {"champ": champ})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"date": "", "days": 1}, (INVALID, "CHAMP_REQUIS")),
        ({"date": "2026-02-30"}, (INVALID, "DATE_INVALIDE")),
        ({"date": "2026-02-03", "days": 1000}, (INVALID, "NOMBRE_HORS_LIMITES")),
        ({"date": "2026-02-03", "days": -251}, (INVALID, "NOMBRE_HORS_LIMITES")),
        ({"date": "2026-02-03", "zone_code": "XX"}, (StatusCode.NOT_FOUND, "INTROUVABLE")),
    ],
)
async def test_R16_bad_counts_are_refused(
    engine: CalendarEngineServiceStub, fields: dict[str, Any], expected: tuple[StatusCode, str]
) -> None:
    """Days, numbers and zones that cannot be."""
    assert await refused(engine.AddBusinessDays(pb.AddBusinessDaysRequest(**fields))) == expected


async def test_C6_no_organisation_has_no_debit_dates(mesh: Mesh) -> None:
    """Neither a user of none nor a service that names none is answered with a guess."""
    question = pb.CheckDateEligibilityRequest(date="2026-02-03")
    user = mesh.stub(CalendarEngineServiceStub, organisation="")
    service = mesh.service_stub(CalendarEngineServiceStub, caller="notifications")
    for stub in (user, service):
        assert await refused(stub.CheckDateEligibility(question)) == (INVALID, "ORGANISATION_REQUISE")
