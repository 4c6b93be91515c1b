"""Jobs as they run (C18): at their interval, when they are woken, one replica at a time.

Each tells when it has last succeeded. One that was woken within a trace is a span of that trace.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from db_utils import AGAIN, DatabaseUnavailable, SerializationConflict, StatementTimeout, Worker, retried
from grpc_utils.errors import Unavailable
from prometheus_client import Gauge
from trace_utils import NOWHERE, Carrier, causes, tracer_of

from service_kit.app import App
from service_kit.settings import Settings

_log = logging.getLogger(__name__)

_LABELS = ["service", "worker"]  # "job" is a label of Prometheus itself
LAST_SUCCESS = Gauge(
    "crm_job_last_success_seconds", "When the job has last succeeded here, or was begun (Unix time).", _LABELS
)
INTERVAL = Gauge("crm_job_interval_seconds", "Time after which the job runs again at the latest.", _LABELS)

_INFRASTRUCTURE = (DatabaseUnavailable, SerializationConflict, StatementTimeout, Unavailable)
_RETRY = 5.0
_SOON = 20.0  # seconds until a job goes on with what it has left: a service that was killed is back by then
_DOUBLINGS = 10  # beyond the interval of any job that leaves something
_BUSY = 1.0  # seconds until a job looks again whether the replica that runs it has ended
_MOST_CAUSES = 32  # traces that one run is linked to


class Job:
    """The loop around *worker*."""

    def __init__(self, app: App[Settings], worker: Worker) -> None:
        self.name, self._app, self._worker = worker.name, app, worker
        service = app.database.schema
        self._woken, self._left = asyncio.Event(), 0  # runs in a row that have left something
        self.wake = self._woken.set
        self._succeeded = LAST_SUCCESS.labels(service, worker.name)
        self._succeeded.set_to_current_time()
        INTERVAL.labels(service, worker.name).set(worker.every.total_seconds())
        self._tracer = tracer_of(service) if worker.traced else None
        self._causes: list[Carrier] = []
        if worker.wake_on is not None:
            wake = self._woken.set if self._tracer is None else self._wake_traced
            app.database.on_written(worker.wake_on, wake)

    async def run(self) -> None:
        """Run it for ever; an error that is not of the infrastructure is raised."""
        while True:
            woken = self._woken.is_set()
            self._woken.clear()
            try:
                ran = await self._once()
            except _INFRASTRUCTURE as error:
                _log.warning("%s waits: %s", self._worker.name, type(error).__name__)
                if woken:  # another replica may hold the lock next time: then it counts
                    self._woken.set()
                await asyncio.sleep(_RETRY)
                continue
            if woken and not ran:  # the replica at work may have passed the new rows by
                self._woken.set()
                await asyncio.sleep(_BUSY)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause(self._worker.every, self._left)):
                    await self._woken.wait()

    async def _once(self) -> bool:
        """Run the worker, unless another replica runs it now; return whether it ran here."""
        if not self._worker.exclusive:
            await self._work()
            return True
        async with self._app.database.exclusive(self._worker.name) as mine:
            if mine:
                await self._work()
            return mine

    async def _work(self) -> None:
        woken_by, self._causes = self._causes, []
        if self._tracer is None or not woken_by:
            answer = await self._run()
        else:
            answer = await self._traced(woken_by)
        self._left = self._left + 1 if answer is AGAIN else 0
        self._succeeded.set_to_current_time()

    async def _run(self) -> object:
        return await retried(partial(self._worker.run, self._app))

    async def _traced(self, woken_by: Sequence[Carrier]) -> object:
        """Run within a span: of the trace that has woken it, or linked to each one if there are several."""
        assert self._tracer is not None
        parent, links = (woken_by[0], ()) if len(woken_by) == 1 else (NOWHERE, woken_by)
        span = self._tracer.begin("internal", f"job {self.name}", {"crm.job": self.name}, parent, links)
        with self._tracer.current(span):
            try:
                return await self._run()
            except BaseException as error:
                span.fail(type(error).__name__)
                raise

    def _wake_traced(self) -> None:
        self._causes += causes()[: _MOST_CAUSES - len(self._causes)]
        self._woken.set()


def pause(every: timedelta, left: int) -> float:
    """The seconds until the next run of a job after *left* runs in a row that have left something (C18)."""
    if not left:
        return every.total_seconds()
    doublings: int = 2 ** min(left - 1, _DOUBLINGS)
    return min(_SOON * doublings, every.total_seconds())
