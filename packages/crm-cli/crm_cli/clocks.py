"""`crm clock`: the clock of all services of a mesh that was started with a movable one."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from db_utils import clock

from crm_cli.home import CommandError, Home

_STEP = re.compile(r"\+(\d{1,5})([dhms])")
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
REAL: Final = "real"


def moved(home: Home, to: str) -> str:
    """Move the clock *to* an instant, if one is named, and tell the time. Raises CommandError."""
    state = home.state()
    if state is None or not state.clock:
        raise CommandError("no mesh with a movable clock runs here: start it with `crm up --movable-clock`")
    clock.follow(Path(state.clock))
    if to:
        _move(to)
    told = clock.now().astimezone(clock.PARIS)
    return f"{told:%Y-%m-%d %H:%M:%S} in Paris" + ("" if clock.moved_by() else ", the clock of this machine")


def _move(to: str) -> None:
    now = clock.now()
    instant = _instant(to, now)
    if instant < now and clock.moved_by():
        raise CommandError(
            f"{to} is before {now.astimezone(clock.PARIS):%Y-%m-%d %H:%M:%S}: what was done since would "
            "lie in the future. Start a new mesh (another CRM_HOME) for an earlier day"
        )
    clock.move(timedelta() if to == REAL else instant - now + clock.moved_by())


def _instant(to: str, now: datetime) -> datetime:
    """The instant that *to* names, civil times being those of Paris. Raises CommandError."""
    if to == REAL:
        return datetime.now(UTC)
    if step := _STEP.fullmatch(to):
        return now + timedelta(**{_UNITS[step[2]]: int(step[1])})
    try:
        named = datetime.fromisoformat(to)
    except ValueError:
        raise CommandError(
            f"{to!r} is no instant: write 2026-02-03T06:00 (Paris), 2026-02-03, +2d, +3h, +90m, +5s or real"
        ) from None
    return named if named.tzinfo else named.replace(tzinfo=clock.PARIS)
