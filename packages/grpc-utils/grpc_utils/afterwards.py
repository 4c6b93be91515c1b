"""Calls to other services that are made after the answer, at best effort (C14)."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from functools import partial

import grpc
from db_utils import once_committed

from grpc_utils import deadline
from grpc_utils.client import failure_of
from grpc_utils.errors import Refusal

_log = logging.getLogger(__name__)


class Afterwards:
    """Calls for whose end nobody waits: one that fails is logged and not made again.

    A call is made for the user, the organisation and the correlation id of the task that starts it,
    but with the whole of its own deadline. One that is under way when its process stops is lost.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()  # an event loop holds its tasks by weak references

    def start(self, name: str, call: Callable[[], Awaitable[object]]) -> None:
        """Make *call* in the background and return at once; *name* is what a log line calls it.

        While an idempotency key holds the commit of its cause back, the call waits for that commit;
        it is not made when its cause is undone.
        """
        once_committed(partial(self._start, name, call, contextvars.copy_context()))

    def _start(self, name: str, call: Callable[[], Awaitable[object]], context: contextvars.Context) -> None:
        task = asyncio.create_task(_made(name, call), context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _made(name: str, call: Callable[[], Awaitable[object]]) -> None:
    deadline.start(None)  # none: the call that caused this one is over
    try:
        await call()
    except (Refusal, grpc.aio.AioRpcError) as error:
        _log.warning("%s failed: %s", name, failure_of(error))
