"""Failpoints of processes that were forked after their imports."""

import importlib
import sys

from db_utils import failpoints

__all__ = ["arm_failpoint"]


def arm_failpoint() -> None:
    """Let FAILPOINT of the environment count in this process, as if it had been there at the start.

    `db_utils.failpoints` looks at it when it is imported, so that a failpoint costs nothing in
    production; modules that have imported its function get the new one.
    """
    former = failpoints.failpoint
    armed = importlib.reload(failpoints).failpoint
    for module in list(sys.modules.values()):
        names = vars(module)
        if names.get("failpoint") is former:
            names["failpoint"] = armed
