"""HolidayService: zones, and the holidays that people enter beside the computed ones."""

from datetime import date

from crm.calendar import calendar_pb2 as pb
from crm.calendar.calendar_pb2_grpc import HolidayServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Reader
from grpc_utils import Context, expected_version, found, to_message
from grpc_utils.errors import DateInvalide, Introuvable
from service_kit import App, Settings
from sqlalchemy import bindparam, select

from service_calendar import audit, fields, listed, reading, rules
from service_calendar.business_days import BUILT_IN, Zone
from service_calendar.legal import FRANCE
from service_calendar.models import Holiday, HolidayZone

_ZONES = (
    select(HolidayZone)
    .where(HolidayZone.organisation_id == bindparam("organisation_id"))
    .order_by(HolidayZone.code)
)


class HolidayService(HolidayServiceServicer):
    """Zones and holidays of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def CreateZone(self, request: pb.CreateHolidayZoneRequest, context: Context) -> pb.HolidayZone:
        """Add a zone; the built-in ones cannot be redefined (R6)."""
        async with self._db.transaction() as tx:
            zone = await tx.insert(rules.new_zone(request))
            await audit.created(tx, zone)
        return to_message(zone, pb.HolidayZone)

    async def ListZones(
        self, request: pb.ListHolidayZonesRequest, context: Context
    ) -> pb.ListHolidayZonesResponse:
        """List the zones that configurations and holidays may name."""
        if fields.of_nobody(request.organisation_id):
            return pb.ListHolidayZonesResponse()
        rows = await self._db.read().all(_ZONES, organisation_id=request.organisation_id)
        own = [to_message(row, pb.HolidayZone) for row in rows]
        return pb.ListHolidayZonesResponse(zones=[*map(_built_in, BUILT_IN.values()), *own])

    async def Create(self, request: pb.CreateHolidayRequest, context: Context) -> pb.Holiday:
        """Add a holiday to a zone, or say that one is worked (R8)."""
        holiday = rules.new_holiday(request)
        async with self._db.transaction() as tx:
            await _check_zone(tx, holiday.organisation_id, holiday.zone_code)
            await tx.insert(holiday)
            await audit.created(tx, holiday)
        return to_message(holiday, pb.Holiday)

    async def Update(self, request: pb.UpdateHolidayRequest, context: Context) -> pb.Holiday:
        """Change the fields that the request carries (R8)."""
        async with self._db.transaction() as tx:
            holiday = found(await tx.get(Holiday, request.id, lock=True))
            changed, before = rules.holiday_changes(request), audit.image(holiday)
            if "zone_code" in changed:
                await _check_zone(tx, holiday.organisation_id, request.zone_code)
            await tx.update(holiday, expected=expected_version(request), **changed)
            await audit.changed(tx, holiday, before)
        return to_message(holiday, pb.Holiday)

    async def Delete(self, request: pb.DeleteHolidayRequest, context: Context) -> DeleteResponse:
        """Remove an entered holiday; debits that were planned around it stay where they are."""
        async with self._db.transaction() as tx:
            holiday = await tx.get(Holiday, request.id, lock=True)
            if holiday is not None:
                await tx.delete(holiday)
                await audit.deleted(tx, holiday)
        return DeleteResponse(success=holiday is not None)

    async def List(self, request: pb.ListHolidaysRequest, context: Context) -> pb.ListHolidaysResponse:
        """List the holidays of a zone by date, computed and entered (R6, R8)."""
        first, last = _period(request)
        if fields.of_nobody(request.organisation_id):
            return pb.ListHolidaysResponse()
        code = request.zone_code or FRANCE
        calendar = await reading.calendar(self._db.read(), request.organisation_id, code, (first, last))
        days = listed.holidays(calendar, first, last, with_target=request.include_target)
        kept = [one for one in days if request.include_ouvres or not one.ouvre]
        return pb.ListHolidaysResponse(holidays=kept)


def _period(request: pb.ListHolidaysRequest) -> tuple[date, date]:
    """The first and the last day that are asked for. Raises ChampRequis, DateInvalide."""
    if request.annee:
        year, _ = fields.month(request.annee, 1, ("annee", "annee"))
        return date(year, 1, 1), date(year, 12, 31)
    first = fields.day(request.date_from, "date_from" if request.date_to else "annee")
    last = fields.day(request.date_to, "date_to")
    if last < first:
        raise DateInvalide("pas avant date_from", champ="date_to")
    return first, last


async def _check_zone(reader: Reader, organisation_id: str, code: str) -> None:
    if not await reading.zones_of(reader, organisation_id, (code,)):
        raise Introuvable(champ="zone_code")


def _built_in(zone: Zone) -> pb.HolidayZone:
    return pb.HolidayZone(
        code=zone.code,
        nom=zone.nom,
        pays=FRANCE,
        region="" if zone.code == FRANCE else zone.code,
        inclure_target=True,
        integree=True,
    )
