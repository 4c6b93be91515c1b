"""The holidays of a zone over a period, as a list of messages."""

from collections.abc import Iterator
from datetime import date

from crm.calendar import calendar_pb2 as pb

from service_calendar.business_days import ZoneCalendar
from service_calendar.legal import FEASTS, FERMETURE_TARGET, FRANCE
from service_calendar.models import BANK, PUBLIC, REGIONAL, Holiday

CALCULE, SAISI = "CALCULE", "SAISI"


def holidays(calendar: ZoneCalendar, first: date, last: date, *, with_target: bool) -> list[pb.HolidayOfZone]:
    """Every holiday from *first* to *last*, by date; on one day the computed one comes first.

    Entries by which a holiday is worked are among them. *with_target* adds the days on which
    TARGET alone is closed.
    """
    found = [
        one
        for year in range(first.year, last.year + 1)
        for one in (*_computed(calendar, year), *_entered(calendar, year))
    ]
    if with_target:
        years = range(first.year, last.year + 1)
        found += [
            _closing(day) for year in years for day in calendar.closings(year) if not calendar.day(day).nom
        ]
    return sorted((one for one in found if first.isoformat() <= one.date <= last.isoformat()), key=_place)


def _computed(calendar: ZoneCalendar, year: int) -> Iterator[pb.HolidayOfZone]:
    """The computed holidays that are not worked."""
    national = FEASTS[FRANCE].names
    for day, nom in calendar.computed(year).items():
        entry = calendar.entry(day)
        if entry is None or not entry.ouvre:
            kind = PUBLIC if any(name in nom for name in national) else REGIONAL
            yield pb.HolidayOfZone(date=day.isoformat(), nom=nom, type=kind, origine=CALCULE)


def _entered(calendar: ZoneCalendar, year: int) -> Iterator[pb.HolidayOfZone]:
    """The entries that count in *year*, recurrent ones on their day of that year."""
    for entry in calendar.entered:
        day = _in_year(entry, year)
        if day is not None and calendar.entry(day) is entry:
            yield pb.HolidayOfZone(
                id=str(entry.id),
                date=day.isoformat(),
                nom=entry.nom,
                type=entry.type,
                origine=SAISI,
                recurrent=entry.recurrent,
                ouvre=entry.ouvre,
                version=entry.version,
            )


def _in_year(entry: Holiday, year: int) -> date | None:
    """The day of *entry* in *year*; 29 February has none in most years (R8)."""
    if entry.date.year == year:
        return entry.date
    if not entry.recurrent:
        return None
    try:
        return entry.date.replace(year=year)
    except ValueError:
        return None


def _closing(day: date) -> pb.HolidayOfZone:
    return pb.HolidayOfZone(date=day.isoformat(), nom=FERMETURE_TARGET, type=BANK, origine=CALCULE)


def _place(one: pb.HolidayOfZone) -> tuple[str, str]:
    return one.date, one.origine
