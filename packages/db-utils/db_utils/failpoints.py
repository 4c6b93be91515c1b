"""Failpoints: named places where fault tests kill the process, to prove that nothing is lost there.

`FAILPOINT=name:n` in the environment kills the process with SIGKILL when it passes *name* for the
n-th time. Without the variable a failpoint does nothing.
"""

import os
import signal
from collections.abc import Callable


def _armed(target: str) -> Callable[[str], None]:
    wanted, _, count = target.partition(":")
    left = int(count or 1)

    def pass_through(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return pass_through


def _ignored(name: str) -> None: ...


failpoint: Callable[[str], None] = _armed(os.environ["FAILPOINT"]) if "FAILPOINT" in os.environ else _ignored
