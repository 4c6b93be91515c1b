"""Months as people count them: from a day to the same day of another month."""

from calendar import monthrange
from datetime import date


def months_later(day: date, months: int) -> date:
    """*day* so many *months* later, or earlier: the last day of a month that has no such day.

    Raises ValueError beyond the years 1 to 9999.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))
