"""`crm bench events`: lag from the commit of an event to that of its effect, and events per second."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
from db_utils import clock, uuid7
from nats.js.errors import NotFoundError
from nats_utils import connect_once

from crm_bench import meters, naive
from crm_bench.lab import CONSUMER, SINK, SOURCE, Lab, Worker, an_event, lab, sorted_lags, worker
from crm_bench.report import Report
from crm_bench.stages import Stages, stages

COLUMNS = ("events", "events/s", "CPU ms/event", "p50 ms", "p99 ms", "seconds")
_STREAM, _SUBJECT = "CRM_EVENTS", "crm.events.client.created"
_RATE = 200  # events per second while the lag is measured
_NAIVE_SHARE = 10  # the naive way is measured with a tenth of the events
_TIMEOUT = 180.0
_POLL = 0.05
_COPY = """
COPY bench_source.outbox (message_id, stream, subject, payload, headers, created_at) FROM STDIN"""
_EFFECTS = """
SELECT (SELECT count(*) FROM bench_sink.effects), (SELECT count(DISTINCT event_id) FROM bench_sink.effects),
       (SELECT count(*) FROM bench_sink.dead_letters)"""


def measure(seconds: float, count: int, backlog: int, *, baseline: bool) -> Report:
    """Measure relay and subscriber with *count* events, the catching up of a *backlog*, lag over *seconds*.

    With *baseline* the naive way too. Raises TimeoutError when something does not end.
    """
    report = Report("events", COLUMNS)
    with stages(6 if baseline else 5) as progress, lab() as place:
        asyncio.run(_Events(place, progress, report).all(seconds, count, backlog))
        if baseline:
            _compare_naive(place, max(count // _NAIVE_SHARE, 1), progress, report)
    return report


@dataclass(frozen=True, slots=True)
class _Sample:
    """The number of messages done at a moment, and the processor time used so far."""

    at: float
    done: int
    cpu: float


class _Events:
    def __init__(self, place: Lab, progress: Stages, report: Report) -> None:
        self._place, self._progress, self._report = place, progress, report
        self._total = 0  # events that were recorded so far

    async def all(self, seconds: float, count: int, backlog: int) -> None:
        """Run every measurement, each on the rows and messages that the former one left."""
        self._client = await connect_once(self._place.nats_url, "crm-bench")
        try:
            with ExitStack() as stack:
                source = await self._relay(stack, count)
                await self._subscriber("subscriber, one row of effect each")
                await self._client.jetstream().delete_consumer(_STREAM, CONSUMER)
                await self._subscriber("subscriber, known events skipped")
                sink = stack.enter_context(worker(SINK, self._place))
                await self._catch_up(backlog)
                await self._lag(source, sink, seconds)
                self._count_effects()
        finally:
            await self._client.close()

    async def _relay(self, stack: ExitStack, count: int) -> Worker:
        self._progress.next("relay")
        self._record(count)
        source = stack.enter_context(worker(SOURCE, self._place))
        first, last = await self._progress_of(source, self._published, count)
        self._add("relay", count, first, last)
        return source

    async def _subscriber(self, what: str) -> None:
        self._progress.next(what)
        with worker(SINK, self._place) as sink:
            first, last = await self._progress_of(sink, self._handled, self._total)
        self._add(what, self._total, first, last)

    async def _catch_up(self, backlog: int) -> None:
        self._progress.next(f"backlog of {backlog:,}")
        handled = await self._handled()
        self._record(backlog)
        begin = time.monotonic()
        await self._until(self._handled, handled + backlog)
        seconds = time.monotonic() - begin
        self._report.add(
            "backlog caught up, relay and subscriber",
            **{"events": backlog, "events/s": backlog / seconds, "seconds": seconds},
        )
        self._progress.done()

    async def _lag(self, source: Worker, sink: Worker, seconds: float) -> None:
        self._progress.next(f"lag at {_RATE} events/s")
        sink.times()
        handled = await self._handled()
        source.publish(_RATE, seconds)
        published = await asyncio.to_thread(source.times)
        self._total += len(published)
        await self._until(self._handled, handled + len(published))
        lags = sorted_lags(published, sink.times())
        p50, p99 = (1000 * lags[int(len(lags) * percent / 100)] for percent in (50, 99))
        figures = {"events": len(published), "events/s": float(_RATE), "p50 ms": p50, "p99 ms": p99}
        self._report.add("commit → effect", **figures)
        self._progress.done()

    def _count_effects(self) -> None:
        with psycopg.connect(self._place.database_url) as connection:
            effects, distinct, dead = connection.execute(_EFFECTS).fetchone() or (0, 0, 0)
        verdict = "exactly once" if effects == distinct == self._total and not dead else "NOT exactly once"
        self._report.comparisons.append(
            f"{verdict}: {self._total:,} events, {effects:,} effects of {distinct:,} of them, "
            f"{dead} dead letters"
        )

    def _record(self, count: int) -> None:
        """Put *count* events into the outbox of the source, in one transaction."""
        with (
            psycopg.connect(self._place.database_url) as connection,
            connection.cursor() as cursor,
            cursor.copy(_COPY) as copy,
        ):
            for number in range(count):
                event = an_event(number)
                event.event_id = str(uuid7())
                event.timestamp.FromDatetime(clock.now())
                payload = event.SerializeToString()
                copy.write_row((event.event_id, _STREAM, _SUBJECT, payload, "{}", clock.now()))
        self._total += count

    async def _published(self) -> int:
        return int((await self._client.jetstream().stream_info(_STREAM)).state.messages)

    async def _handled(self) -> int:
        try:
            info = await self._client.jetstream().consumer_info(_STREAM, CONSUMER)
        except NotFoundError:
            return 0  # the sink makes it at its first start
        return info.ack_floor.stream_seq if info.ack_floor else 0

    async def _progress_of(
        self, doer: Worker, question: Callable[[], Awaitable[int]], wanted: int
    ) -> tuple[_Sample, _Sample]:
        """Samples at the first sign of progress and at the end."""
        first = _sample(doer, await self._until(question, 1))
        return first, _sample(doer, await self._until(question, wanted))

    async def _until(self, question: Callable[[], Awaitable[int]], wanted: int) -> int:
        """Ask again until the answer is *wanted* or more. Raises TimeoutError."""
        async with asyncio.timeout(_TIMEOUT):
            while True:
                answer = await question()
                if answer >= wanted:
                    return answer
                await asyncio.sleep(_POLL)

    def _add(self, what: str, count: int, first: _Sample, last: _Sample) -> None:
        done, seconds = last.done - first.done, last.at - first.at
        cpu = (last.cpu - first.cpu) * 1000 / max(done, 1)
        figures = {"events": count, "events/s": done / seconds, "CPU ms/event": cpu, "seconds": seconds}
        self._report.add(what, **figures)
        self._progress.done()


def _sample(doer: Worker, done: int) -> _Sample:
    return _Sample(time.monotonic(), done, meters.reading([doer.process]).seconds)


def _compare_naive(place: Lab, count: int, progress: Stages, report: Report) -> None:
    progress.next("naive way")
    found = naive.measure(place, count)
    rows = (
        ("naive publisher, one at a time", found.published, found.publishing_cpu_ms),
        ("naive subscriber, a transaction each", found.handled, found.handling_cpu_ms),
    )
    for what, rate, cpu in rows:
        report.add(what, **{"events": count, "events/s": rate, "CPU ms/event": cpu})
    progress.done()
    ours = report.figure("subscriber, one row of effect each", "events/s")
    relay = report.figure("relay", "events/s")
    report.comparisons += [
        f"subscriber against the naive way: {ours / found.handled:.1f} times the events per second",
        f"relay against the naive way: {relay / found.published:.1f} times the events per second",
    ]
