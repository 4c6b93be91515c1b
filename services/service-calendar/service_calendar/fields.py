"""Checks of single fields: the accepted days, months and times, ids, whole numbers.

Each takes what a request says and the name of the field, and returns what is stored.
"""

import re
from datetime import date, time

from grpc_utils import at_most, caller, civil_date, opaque_id, required, within
from grpc_utils.errors import DateInvalide, FormatInvalide, InvalidArgument, OrganisationRequise

from service_calendar.planning import Reference
from service_calendar.resolution import References

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)

MOST = 2**31 - 1  # of a whole number in contract and table

_HOUR = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class NombreHorsLimites(InvalidArgument):
    """Le nombre est hors des limites admises."""


def organisation(organisation_id: str) -> str:
    """The organisation of a call, without which no configuration applies. Raises OrganisationRequise."""
    if not organisation_id:
        raise OrganisationRequise
    return organisation_id


def of_nobody(organisation_id: str) -> bool:
    """Whether the caller is a user without an organisation, whose lists are empty (C6).

    Raises OrganisationRequise for a service that names none.
    """
    if not organisation_id and caller().kind == "service":
        raise OrganisationRequise
    return not organisation_id


def day(text: str, champ: str) -> date:
    """A day from 2000 to 2099. Raises ChampRequis, DateInvalide."""
    found = civil_date(required(text, champ), champ)
    if not FIRST_DAY <= found <= LAST_DAY:
        raise DateInvalide(within(FIRST_DAY, LAST_DAY), champ=champ)
    return found


def optional_day(text: str, champ: str) -> date | None:
    """A day from 2000 to 2099, None when empty. Raises DateInvalide."""
    return day(text, champ) if text else None


def month(year: int, number: int, champs: tuple[str, str]) -> tuple[int, int]:
    """A month from 2000 to 2099; *champs* name its year and its number. Raises DateInvalide."""
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
        raise DateInvalide(within(FIRST_DAY.year, LAST_DAY.year), champ=champs[0])
    if not 1 <= number <= 12:
        raise DateInvalide(within(1, 12), champ=champs[1])
    return year, number


def hour(text: str, champ: str) -> time | None:
    """A time of day written HH:MM, None when empty. Raises FormatInvalide."""
    if not text:
        return None
    if not _HOUR.fullmatch(text):
        raise FormatInvalide("HH:MM", champ=champ)
    return time.fromisoformat(text)


def reference(text: str, champ: str) -> Reference | None:
    """A day, or a day and a time after a T, None when empty (R14). Raises DateInvalide, FormatInvalide."""
    if not text:
        return None
    said, separator, at = text.partition("T")
    if separator and not at:
        raise FormatInvalide(champ=champ)
    return Reference(day(said, champ), hour(at, champ))


def references(contrat_id: str, client_id: str, societe_id: str) -> References:
    """The ids by which a configuration is found. Raises FormatInvalide."""
    return References(
        opaque_id(contrat_id, "contrat_id") or "",
        opaque_id(client_id, "client_id") or "",
        opaque_id(societe_id, "societe_id") or "",
    )


def required_id(text: str, champ: str) -> str:
    """An id of another service that must be there. Raises ChampRequis, FormatInvalide."""
    return opaque_id(required(text, champ), champ) or ""


def bounded(number: int, least: int, most: int, champ: str) -> int:
    """*number*, from *least* to *most*. Raises NombreHorsLimites."""
    if not least <= number <= most:
        raise NombreHorsLimites(champ=champ, minimum=str(least), maximum=str(most))
    return number


def short(text: str, longest: int, champ: str) -> str:
    """*text*, which must be there and have at most *longest* characters. Raises ChampRequis, TropLong."""
    return at_most(required(text, champ), longest, champ)
