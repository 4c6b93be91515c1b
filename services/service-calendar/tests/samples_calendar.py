"""What the conformance suite says when it makes a holiday: each of another day."""

from datetime import date, timedelta

FIELDS = {"Holiday": {"zone_code": "FR"}}
VALUES = {"date": lambda number: (date(2000, 1, 1) + timedelta(days=number % 36_000)).isoformat()}
CHANGES = {"Holiday": ("nom", ("Autre", "Premier", "Second"))}
