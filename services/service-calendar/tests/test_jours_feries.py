"""HolidayService: zones, entered holidays, and lists of both kinds of holidays."""

from typing import Any

import pytest
from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import CalendarEngineServiceStub, HolidayServiceStub
from grpc import StatusCode
from service_testing import Mesh, refusal, refused

INVALID = StatusCode.INVALID_ARGUMENT
SIEGE: dict[str, Any] = {"code": "SIEGE", "nom": "Siège"}


def new(date: str, **fields: Any) -> pb.CreateHolidayRequest:
    """The request to enter a holiday, in France unless *fields* say otherwise."""
    return pb.CreateHolidayRequest(**{"zone_code": "FR", "nom": "Pont", "date": date} | fields)


async def eligible(engine: CalendarEngineServiceStub, date: str, zone: str) -> bool:
    """Whether debits are settled on *date* in *zone*."""
    request = pb.CheckDateEligibilityRequest(date=date, zone_code=zone)
    return (await engine.CheckDateEligibility(request)).is_eligible


async def listed(holidays: HolidayServiceStub, **asked: Any) -> list[tuple[str, str, str, str]]:
    """Date, name, type and origin of the holidays of 2026."""
    answer = await holidays.List(pb.ListHolidaysRequest(**{"annee": 2026} | asked))
    return [(one.date, one.nom, one.type, one.origine) for one in answer.holidays]


async def test_R6_a_zone_stands_on_france_unless_told(holidays: HolidayServiceStub, org: str) -> None:
    """And keeps the closings of TARGET; the built-in zones come before it in the list."""
    zone = await holidays.CreateZone(pb.CreateHolidayZoneRequest(**SIEGE))
    expected = pb.HolidayZone(
        id=zone.id,
        organisation_id=org,
        pays="FR",
        inclure_target=True,
        created_at=zone.created_at,
        updated_at=zone.created_at,
        version=1,
        **SIEGE,
    )
    assert zone == expected
    zones = (await holidays.ListZones(pb.ListHolidayZonesRequest())).zones
    assert [one.code for one in zones] == [
        *("FR", "FR-ALS", "FR-971", "FR-972", "FR-973", "FR-974", "FR-976"),
        "SIEGE",
    ]
    assert (zones[7], zones[1].integree, zones[1].nom) == (zone, True, "Alsace-Moselle")


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        ({}, {"2026-04-03": False, "2026-05-14": False, "2028-12-26": False, "2026-12-24": True}),
        ({"region": "FR-974"}, {"2028-12-20": False, "2026-05-14": False}),
        ({"pays": ""}, {"2026-04-03": False, "2026-05-14": True, "2026-05-01": False}),
        ({"pays": "", "inclure_target": False}, {"2026-04-03": True, "2026-05-01": True}),
        ({"inclure_target": False}, {"2026-04-03": True, "2026-05-01": False}),
    ],
)
async def test_R6_the_days_of_a_zone(
    holidays: HolidayServiceStub,
    engine: CalendarEngineServiceStub,
    fields: dict[str, Any],
    days: dict[str, bool],
) -> None:
    """Those of France, with those of a region, or none; closings of TARGET as the zone wants."""
    await holidays.CreateZone(pb.CreateHolidayZoneRequest(**SIEGE | fields))
    assert {day: await eligible(engine, day, "SIEGE") for day in days} == days


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"code": "FR-ALS"}, StatusCode.ALREADY_EXISTS, "EXISTE_DEJA"),
        ({"code": ""}, INVALID, "CHAMP_REQUIS"),
        ({"code": "siège"}, INVALID, "FORMAT_INVALIDE"),
        ({"code": "X" * 21}, INVALID, "FORMAT_INVALIDE"),
        ({"nom": ""}, INVALID, "CHAMP_REQUIS"),
        ({"nom": "x" * 101}, INVALID, "TROP_LONG"),
        ({"pays": "BE"}, INVALID, "VALEUR_INCONNUE"),
        ({"region": "FR-999"}, INVALID, "VALEUR_INCONNUE"),
        ({"region": "FR-ALS", "pays": ""}, INVALID, "VALEUR_INCONNUE"),
    ],
)
async def test_R6_zones_that_are_refused(
    holidays: HolidayServiceStub, fields: dict[str, Any], code: StatusCode, reason: str
) -> None:
    """Built-in codes, other countries, regions that are none."""
    call = holidays.CreateZone(pb.CreateHolidayZoneRequest(**SIEGE | fields))
    assert await refused(call) == (code, reason)


async def test_R6_a_code_is_given_once(holidays: HolidayServiceStub) -> None:
    """The second is told of the first."""
    zone = await holidays.CreateZone(pb.CreateHolidayZoneRequest(**SIEGE))
    told = await refusal(holidays.CreateZone(pb.CreateHolidayZoneRequest(**SIEGE)))
    assert (told.code, told.metadata["id"]) == (StatusCode.ALREADY_EXISTS, zone.id)


async def test_R8_an_entered_holiday_counts_until_it_is_deleted(
    holidays: HolidayServiceStub, engine: CalendarEngineServiceStub, org: str
) -> None:
    """In its zone and in no other one."""
    holiday = await holidays.Create(new("2026-05-15"))
    expected = pb.Holiday(
        id=holiday.id,
        organisation_id=org,
        zone_code="FR",
        date="2026-05-15",
        nom="Pont",
        type="PUBLIC",
        created_at=holiday.created_at,
        updated_at=holiday.created_at,
        version=1,
    )
    assert holiday == expected
    assert not await eligible(engine, "2026-05-15", "FR")
    assert await eligible(engine, "2026-05-15", "FR-ALS")
    await holidays.Delete(pb.DeleteHolidayRequest(id=holiday.id))
    assert await eligible(engine, "2026-05-15", "FR")


async def test_R8_a_worked_whit_monday(
    holidays: HolidayServiceStub, engine: CalendarEngineServiceStub
) -> None:
    """Is no holiday, and in the list only when it is asked for."""
    worked = await holidays.Create(new("2026-05-25", nom="Journée de solidarité", ouvre=True))
    assert await eligible(engine, "2026-05-25", "FR")
    assert "2026-05-25" not in {date for date, *_ in await listed(holidays)}
    answer = await holidays.List(pb.ListHolidaysRequest(annee=2026, include_ouvres=True))
    found = [one for one in answer.holidays if one.date == "2026-05-25"]
    expected = pb.HolidayOfZone(
        id=worked.id,
        date="2026-05-25",
        nom="Journée de solidarité",
        type="PUBLIC",
        origine="SAISI",
        ouvre=True,
        version=1,
    )
    assert found == [expected]


async def test_C6_holidays_of_others_do_not_count(
    holidays: HolidayServiceStub, foreign_holidays: HolidayServiceStub, engine: CalendarEngineServiceStub
) -> None:
    """Nor do they stand in lists, nor do zones of others exist."""
    await foreign_holidays.CreateZone(pb.CreateHolidayZoneRequest(**SIEGE))
    await foreign_holidays.Create(new("2026-05-15"))
    assert await eligible(engine, "2026-05-15", "FR")
    assert len(await listed(holidays)) == 11
    assert await refused(holidays.Create(new("2026-05-15", zone_code="SIEGE"))) == (
        StatusCode.NOT_FOUND,
        "INTROUVABLE",
    )


async def test_C6_a_user_of_no_organisation_has_empty_lists(mesh: Mesh) -> None:
    """A service that names none is refused."""
    user = mesh.stub(HolidayServiceStub, organisation="")
    service = mesh.service_stub(HolidayServiceStub, caller="notifications")
    asked = pb.ListHolidaysRequest(annee=2026)
    assert not (await user.List(asked)).holidays
    assert not (await user.ListZones(pb.ListHolidayZonesRequest())).zones
    assert await refused(service.List(asked)) == (INVALID, "ORGANISATION_REQUISE")


async def test_R8_an_update_moves_a_holiday(
    holidays: HolidayServiceStub, engine: CalendarEngineServiceStub
) -> None:
    """To another day, every year, with another name and type."""
    holiday = await holidays.Create(new("2026-05-15"))
    changed = await holidays.Update(
        pb.UpdateHolidayRequest(
            id=holiday.id, date="2026-12-24", nom="Réveillon", type="COMPANY", recurrent=True
        )
    )
    assert (changed.date, changed.nom, changed.type, changed.recurrent) == (
        "2026-12-24",
        "Réveillon",
        "COMPANY",
        True,
    )
    days = {"2026-05-15": True, "2026-12-24": False, "2027-12-24": False}
    assert {day: await eligible(engine, day, "FR") for day in days} == days


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"date": "2026-02-30"}, INVALID, "DATE_INVALIDE"),
        ({"date": "15/05/2026"}, INVALID, "DATE_INVALIDE"),
        ({"date": "2100-01-01"}, INVALID, "DATE_INVALIDE"),
        ({"date": ""}, INVALID, "CHAMP_REQUIS"),
        ({"nom": " "}, INVALID, "CHAMP_REQUIS"),
        ({"type": "public"}, INVALID, "VALEUR_INCONNUE"),
        ({"zone_code": "XX"}, StatusCode.NOT_FOUND, "INTROUVABLE"),
    ],
)
async def test_R8_holidays_that_are_refused(
    holidays: HolidayServiceStub, fields: dict[str, Any], code: StatusCode, reason: str
) -> None:
    """By Create, and by an Update of a holiday that is there."""
    assert await refused(holidays.Create(new(**{"date": "2026-05-15"} | fields))) == (code, reason)
    holiday = await holidays.Create(new("2026-05-15"))
    assert await refused(holidays.Update(pb.UpdateHolidayRequest(id=holiday.id, **fields))) == (code, reason)


async def test_R8_a_day_is_entered_once_in_a_zone(holidays: HolidayServiceStub) -> None:
    """The second is ALREADY_EXISTS; another zone may have it."""
    holiday = await holidays.Create(new("2026-05-15"))
    told = await refusal(holidays.Create(new("2026-05-15", nom="Autre")))
    assert (told.code, told.metadata["id"]) == (StatusCode.ALREADY_EXISTS, holiday.id)
    await holidays.Create(new("2026-05-15", zone_code="FR-ALS"))


async def test_R6_a_list_has_computed_and_entered_holidays(holidays: HolidayServiceStub) -> None:
    """By date, the closings of TARGET among them when asked for."""
    await holidays.Create(new("2025-12-24", nom="Réveillon", type="COMPANY", recurrent=True))
    found = await listed(holidays, zone_code="FR-ALS", date_from="2026-04-01", date_to="2026-05-31", annee=0)
    assert found == [
        ("2026-04-03", "Vendredi saint", "REGIONAL", "CALCULE"),
        ("2026-04-06", "Lundi de Pâques", "PUBLIC", "CALCULE"),
        ("2026-05-01", "Fête du Travail", "PUBLIC", "CALCULE"),
        ("2026-05-08", "Fête de la Victoire", "PUBLIC", "CALCULE"),
        ("2026-05-14", "Ascension", "PUBLIC", "CALCULE"),
        ("2026-05-25", "Lundi de Pentecôte", "PUBLIC", "CALCULE"),
    ]
    assert len(await listed(holidays)) == 12
    with_target = await listed(holidays, include_target=True)
    assert [one for one in with_target if one[1] == "Fermeture TARGET"] == [
        ("2026-04-03", "Fermeture TARGET", "BANK", "CALCULE"),
        ("2026-12-26", "Fermeture TARGET", "BANK", "CALCULE"),
    ]
    assert ("2026-12-24", "Réveillon", "COMPANY", "SAISI") in with_target


async def test_R8_a_29_february_is_a_holiday_in_leap_years(holidays: HolidayServiceStub) -> None:
    """And stands in no list of another year."""
    await holidays.Create(new("2024-02-29", recurrent=True))
    for year, there in ((2026, False), (2028, True)):
        assert (f"{year}-02-29" in {date for date, *_ in await listed(holidays, annee=year)}) == there


@pytest.mark.parametrize(
    ("asked", "champ"),
    [
        ({"annee": 0}, "annee"),
        ({"annee": 1999}, "annee"),
        ({"annee": 0, "date_from": "2026-01-01"}, "date_to"),
        ({"annee": 0, "date_from": "2026-02-01", "date_to": "2026-01-31"}, "date_to"),
    ],
)
async def test_R6_a_list_needs_a_period(
    holidays: HolidayServiceStub, asked: dict[str, Any], champ: str
) -> None:
    """A year, or a first and a last day."""
    told = await refusal(holidays.List(pb.ListHolidaysRequest(**asked)))
    assert (told.code, told.metadata) == (INVALID, {"champ": champ})


async def test_R6_a_zone_that_is_none_has_no_list(holidays: HolidayServiceStub) -> None:
    """NOT_FOUND."""
    call = holidays.List(pb.ListHolidaysRequest(zone_code="XX", annee=2026))
    assert await refused(call) == (StatusCode.NOT_FOUND, "INTROUVABLE")
