"""Work that ends although its caller is cancelled: commits, and giving locks back."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from db_utils.errors import DatabaseError

_log = logging.getLogger(__name__)


class Shield:
    """Runs work to its end even if the caller is cancelled meanwhile."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* in a task of its own. A cancelled caller hears so at once; the work goes on."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_report)
            raise

    async def wait(self) -> None:
        """Return when nothing runs any more, what is begun meanwhile included."""
        while self._running:
            await asyncio.wait(self._running)


def _report(task: asyncio.Task[None]) -> None:
    """Log an unexpected error of *task*: nobody waits for its result any more."""
    if not task.cancelled() and (error := task.exception()) and not isinstance(error, DatabaseError):
        _log.error("a commit failed unexpectedly", exc_info=error)
