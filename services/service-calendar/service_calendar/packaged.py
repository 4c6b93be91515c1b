"""Holidays and closing days as the library `holidays` knows them, kept to the list of the law (R6).

The library imports all countries of the world, which takes 0.15 s of processor time and 16 MB: it is
imported with the first question, so that neither other services nor the start pay for it.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from service_calendar.legal import FEASTS, FRANCE, together

_SUBDIVISIONS = {
    "FR-ALS": "57",
    "FR-971": "971",
    "FR-972": "972",
    "FR-973": "973",
    "FR-974": "974",
    "FR-976": "976",
}


class PackagedHolidays:
    """Holidays and closing days from the library, as it has them."""

    def holidays(self, zone_code: str, year: int) -> Mapping[date, str]:
        """See `providers.HolidayProvider`; customary days of the Antilles are left out."""
        names = FEASTS[zone_code].names
        known = [(day, nom) for day, nom in _french(zone_code, year) if nom in names]
        return together(sorted(known, key=lambda feast: names.index(feast[1])))

    def target_closings(self, year: int) -> frozenset[date]:
        """See `providers.HolidayProvider`."""
        from holidays import financial_holidays

        return frozenset(financial_holidays("ECB", years=year))


def _french(zone_code: str, year: int) -> Iterator[tuple[date, str]]:
    """Everything that the library calls a holiday there."""
    from holidays import country_holidays

    subdivision = None if zone_code == FRANCE else _SUBDIVISIONS[zone_code]
    found = country_holidays("FR", subdiv=subdivision, years=year, language="fr")
    for day in found:
        for nom in found.get_list(day):
            yield day, nom
