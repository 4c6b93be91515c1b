"""Program: one run of relance for an organisation at an instant, killed at a failpoint.

run_relances.py org-1 2026-02-20T08:30:00+00:00 relance.before_done
"""

import sys
from datetime import datetime
from typing import Any

from db_utils import Scope, arm_failpoint, clock, within
from service_kit import App, commands
from service_relance.execution import run
from service_relance.passage import Passage
from service_relance.service import SERVICE


async def _run(app: App[Any]) -> None:
    with within(Scope(sys.argv[1])):
        await run(app, Passage(clock.today()))


if __name__ == "__main__":
    arm_failpoint(sys.argv[3])
    with clock.frozen_at(datetime.fromisoformat(sys.argv[2])):
        commands.run(SERVICE, _run)
