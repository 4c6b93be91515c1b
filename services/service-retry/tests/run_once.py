"""Program: one run of retry for an organisation at an instant, killed at a failpoint.

run_once.py org-1 2026-03-12T09:00:00+00:00 retry.after_call
"""

import sys
from datetime import datetime
from typing import Any

from db_utils import Scope, arm_failpoint, clock, within
from service_kit import App, commands
from service_retry.remises import run
from service_retry.service import SERVICE


async def _run(app: App[Any]) -> None:
    with within(Scope(sys.argv[1])):
        await run(app, sys.argv[1], clock.today())


if __name__ == "__main__":
    arm_failpoint(sys.argv[3])
    with clock.frozen_at(datetime.fromisoformat(sys.argv[2])):
        commands.run(SERVICE, _run)
