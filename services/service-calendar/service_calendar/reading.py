"""Reads what questions about days need, in as many statements for a thousand of them as for one (R18)."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from db_utils import Reader
from grpc_utils.errors import Introuvable
from sqlalchemy import ARRAY, Date, String, and_, any_, bindparam, or_, select

from service_calendar.business_days import BUILT_IN, SEARCHED, Zone, ZoneCalendar, zone_of
from service_calendar.models import CLIENT, CONTRAT, SOCIETE, SYSTEM, DebitConfiguration, Holiday, HolidayZone
from service_calendar.resolution import Configurations, References

_ids = ARRAY(String)
_CONFIGURATIONS = select(DebitConfiguration).where(
    DebitConfiguration.organisation_id == bindparam("organisation_id"),
    or_(
        and_(DebitConfiguration.niveau == SYSTEM, DebitConfiguration.reference_id == ""),
        *(
            and_(
                DebitConfiguration.niveau == niveau,
                DebitConfiguration.reference_id == any_(bindparam(niveau, type_=_ids)),
            )
            for niveau in (SOCIETE, CLIENT, CONTRAT)
        ),
    ),
)
_codes = bindparam("codes", type_=_ids)
_ZONES = select(HolidayZone).where(
    HolidayZone.organisation_id == bindparam("organisation_id"), HolidayZone.code == any_(_codes)
)
_ENTERED = select(Holiday).where(
    Holiday.organisation_id == bindparam("organisation_id"),
    Holiday.zone_code == any_(_codes),
    or_(Holiday.recurrent, Holiday.date.between(bindparam("du", type_=Date), bindparam("au", type_=Date))),
)


async def configurations(reader: Reader, organisation_id: str, asked: Iterable[References]) -> Configurations:
    """The configurations of an organisation that may apply to what is *asked*."""
    levels = {level for references in asked for level in references.levels()}
    ids = {
        niveau: [reference for level, reference in levels if level == niveau]
        for niveau in (SOCIETE, CLIENT, CONTRAT)
    }
    return Configurations(await reader.all(_CONFIGURATIONS, organisation_id=organisation_id, **ids))


async def calendars(
    reader: Reader, organisation_id: str, codes: Collection[str], days: Collection[date], *, steps: int = 0
) -> Mapping[str, ZoneCalendar]:
    """The calendars of those zones of *codes* that exist, good for counting *steps* days from any of *days*.

    What people entered further away is not read: no step is longer than a search.
    """
    margin = timedelta(days=(SEARCHED + 1) * (steps + 2))
    window = {"du": min(days) - margin, "au": max(days) + margin}
    zones, entered = await asyncio.gather(
        zones_of(reader, organisation_id, codes),
        reader.all(_ENTERED, organisation_id=organisation_id, codes=sorted(codes), **window),
    )
    return {
        zone.code: ZoneCalendar(zone, [one for one in entered if one.zone_code == zone.code])
        for zone in zones
    }


async def calendar(
    reader: Reader, organisation_id: str, code: str, days: Collection[date], *, steps: int = 0
) -> ZoneCalendar:
    """The calendar of the zone *code*, as `calendars` makes it. Raises Introuvable."""
    found = await calendars(reader, organisation_id, (code,), days, steps=steps)
    if code not in found:
        raise Introuvable(champ="zone_code")
    return found[code]


async def zones_of(reader: Reader, organisation_id: str, codes: Collection[str]) -> list[Zone]:
    """The zones of *codes* that exist, built-in or made by the organisation."""
    known = [BUILT_IN[code] for code in codes if code in BUILT_IN]
    others = sorted(set(codes) - BUILT_IN.keys())
    if not others:
        return known
    rows = await reader.all(_ZONES, organisation_id=organisation_id, codes=others)
    return known + list(map(zone_of, rows))


async def zone_for(reader: Reader, organisation_id: str, zone_code: str, societe_id: str) -> str:
    """The code that is said, else that of the société, else that of the organisation (R18)."""
    if zone_code:
        return zone_code
    references = References(societe_id=societe_id)
    return (await configurations(reader, organisation_id, [references])).resolve(references).zone_code
