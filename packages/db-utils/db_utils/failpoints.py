"""Failpoints: named places where fault tests kill the process, to prove that nothing is lost there.

`FAILPOINT=name:n` in the environment kills the process with SIGKILL when it passes *name* for the
n-th time. Without the variable a failpoint does nothing.
"""

import os
import signal

_passes_left: dict[str, int] = {}


def arm_failpoint(target: str) -> None:
    """Let this process be killed as FAILPOINT=*target* would have it: "name:n", or "name" for n = 1."""
    name, _, count = target.partition(":")
    _passes_left[name] = int(count or 1)


def failpoint(name: str) -> None:
    """End the process here if a fault test wants it."""
    if name in _passes_left:
        _passes_left[name] -= 1
        if _passes_left[name] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


if "FAILPOINT" in os.environ:
    arm_failpoint(os.environ["FAILPOINT"])
