"""What waits in a service, for those who watch it: its tables that are queues, and its consumers.

They are looked at every 15 seconds, however often somebody asks for the metrics, and in a process
without METRICS_PORT not at all. Replicas tell the same: a query takes their maximum.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from db_utils import Database, DatabaseError, Row, backlog, clock, counted_of, queues_of
from nats.js.errors import NotFoundError
from nats_utils import Bus, together
from nats_utils.bus import BUS_ERRORS
from prometheus_client import Counter, Gauge

from service_kit.service import Service

_log = logging.getLogger(__name__)

_QUEUE: Final = ["service", "queue"]
WAITING = Gauge("crm_queue_waiting", "Rows that wait, 10,000 at most.", _QUEUE)
OLDEST = Gauge("crm_queue_oldest_seconds", "Time since the oldest of them was written.", _QUEUE)
OVERDUE = Gauge("crm_queue_overdue_seconds", "Time since the first of them should have been taken.", _QUEUE)
STATES = Counter("crm_state", "Rows that a commit has left in the state.", ["service", "table", "state"])
PENDING = Gauge("crm_consumer_pending", "Events that the broker has not delivered yet.", ["consumer"])
UNDER_WAY = Gauge("crm_consumer_ack_pending", "Events delivered and not yet acknowledged.", ["consumer"])

_EVERY = 15.0  # seconds
_AGAIN = 2.0  # seconds after a look that has not seen everything


class QueueWatch:
    """The loop that looks at the queues of *service* in *database* and at its consumers on *bus*."""

    def __init__(self, service: Service, database: Database, bus: Bus) -> None:
        self._database, self._bus = database, bus
        self._queues = queues_of(service.declared)
        self._consumers = [(one.kind.stream, one.consumer(service.name)) for one in service.subscriptions]
        for model, (column, states) in counted_of(service.declared).items():
            counters = {one: STATES.labels(service.name, model.__tablename__, one) for one in states}
            database.on_changed(model, partial(_count, column, counters))

    async def run(self) -> None:
        """Look until cancelled, through every loss of database or broker."""
        await together(self._keep(self._look_at_tables), self._keep(self._look_at_consumers))

    async def _keep(self, look: Callable[[], Awaitable[bool]]) -> None:
        while True:
            try:
                seen = await look()
            except (DatabaseError, *BUS_ERRORS) as error:
                _log.debug("queues are not seen: %s", type(error).__name__)
                seen = False
            await asyncio.sleep(_EVERY if seen else _AGAIN)

    async def _look_at_tables(self) -> bool:
        for model in self._queues:
            found = await backlog(self._database, model)
            now, labels = clock.now(), (self._database.schema, model.__tablename__)
            WAITING.labels(*labels).set(found.waiting)
            for gauge, instant in ((OLDEST, found.oldest), (OVERDUE, found.due)):
                gauge.labels(*labels).set(max((now - instant).total_seconds(), 0) if instant else 0)
        return True

    async def _look_at_consumers(self) -> bool:
        await self._bus.wait_up()
        for stream, consumer in self._consumers:
            try:
                info = await self._bus.js.consumer_info(stream, consumer)
            except NotFoundError:
                return False  # its subscriber is about to create it
            PENDING.labels(consumer).set(info.num_pending or 0)
            UNDER_WAY.labels(consumer).set(info.num_ack_pending or 0)
        return True


def _count(column: str, counters: dict[str, Counter], row: Row) -> None:
    counter = counters.get(str(getattr(row, column)))
    if counter is not None:
        counter.inc()
