"""Calls from processes of their own, so that the clients' work is not the server's.

A closed loop keeps a number of calls under way and shows what a server can do; an open loop
starts calls at fixed times and shows what callers wait, queueing included.
"""

import array
import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import grpc
import psutil
import uvloop

from crm_bench import meters
from crm_bench.children import child

PROCESSES, CONNECTIONS, IN_FLIGHT = 2, 8, 64  # in all
_WARM_UP = 1.0  # seconds before the clock starts
_SETTING_OFF = 0.1  # seconds from the word to the first call
_MOST_LATE = 2000  # calls under way in an open loop, after which the server has lost

Requests = Callable[[int], bytes]  # the number of a call → its request, different in each process


@dataclass(frozen=True, slots=True)
class Target:
    """A method to call: *method* at *address* with *token*, "" for none."""

    address: str
    method: str
    token: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The work of client process *number*.

    *rate* calls per second are started, or *in_flight* kept under way when it is 0.
    """

    target: Target
    requests: Requests
    connections: int
    in_flight: int
    rate: float
    number: int


@dataclass(frozen=True, slots=True)
class Span:
    """The start of the calls, and the moments between which they count (monotonic, shared by processes)."""

    start: float
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Calls answered between begin and end of a measurement.

    *cpu_ms* and *database_cpu_ms* are per call; None when that process is not ours.
    """

    seconds: float
    latencies: Sequence[float]
    errors: Counter[str]
    cpu_ms: float
    database_cpu_ms: float | None
    rss_mib: float

    @property
    def rate(self) -> float:
        """Successful calls per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Milliseconds within which *percent* of the calls were answered."""
        if not self.latencies:
            return float("nan")
        place = min(int(len(self.latencies) * percent / 100), len(self.latencies) - 1)
        return self.latencies[place] * 1000


def run(
    target: Target,
    requests: Requests,
    seconds: float,
    server: psutil.Process,
    database: psutil.Process | None = None,
    *,
    rate: float = 0,
    in_flight: int = IN_FLIGHT,
) -> Outcome:
    """Call *target* for *seconds* after a warm-up, while *server* and *database* are metered."""
    processes = min(PROCESSES, in_flight)
    calls_of_each = in_flight // processes
    connections = min(CONNECTIONS // PROCESSES, calls_of_each)
    each = Plan(target, requests, connections, calls_of_each, rate / processes, 0)
    clients = [child(_work, replace(each, number=number)) for number in range(processes)]
    span = _begin_together(clients, seconds)
    _sleep_until(span.begin)
    postgres = [] if database is None else meters.family(database)
    first, first_database = meters.reading([server]), meters.reading(postgres)
    _sleep_until(span.end)
    last, last_database = meters.reading([server]), meters.reading(postgres)
    latencies, errors = _collect(clients)
    calls = max(len(latencies), 1)
    return Outcome(
        seconds,
        latencies,
        errors,
        (last.seconds - first.seconds) * 1000 / calls,
        (last_database.seconds - first_database.seconds) * 1000 / calls if database else None,
        meters.rss(server),
    )


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Join measurements of the same thing."""
    calls = sum(len(outcome.latencies) for outcome in outcomes) or 1
    return Outcome(
        sum(outcome.seconds for outcome in outcomes),
        sorted(latency for outcome in outcomes for latency in outcome.latencies),
        sum((outcome.errors for outcome in outcomes), Counter()),
        sum(outcome.cpu_ms * len(outcome.latencies) for outcome in outcomes) / calls,
        None,
        max(outcome.rss_mib for outcome in outcomes),
    )


Client = tuple[BaseProcess, Connection]


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.monotonic()))  # a busy machine may be late


def _begin_together(clients: Sequence[Client], seconds: float) -> Span:
    """Wait until all clients are ready and tell them when to call."""
    for _, pipe in clients:
        pipe.recv()
    start = time.monotonic() + _SETTING_OFF
    begin = start + min(_WARM_UP, seconds)
    span = Span(start, begin, begin + seconds)
    for _, pipe in clients:
        pipe.send(span)
    return span


def _collect(clients: Sequence[Client]) -> tuple[list[float], Counter[str]]:
    latencies: list[float] = []
    errors: Counter[str] = Counter()
    for process, pipe in clients:
        raw, failed = pipe.recv()
        process.join()
        latencies += array.array("d", raw)
        errors += failed
    latencies.sort()
    return latencies, errors


def _work(pipe: Connection, plan: Plan) -> None:
    """A client process."""
    pipe.send("ready")
    pipe.send(uvloop.run(_Caller(plan, pipe.recv()).call_until_end()))


Method = Callable[..., Awaitable[object]]


class _Caller:
    def __init__(self, plan: Plan, span: Span) -> None:
        self._plan, self._span = plan, span
        self._latencies = array.array("d")
        self._errors: Counter[str] = Counter()
        self._count = 0
        token = plan.target.token
        self._metadata = grpc.aio.Metadata(("authorization", f"Bearer {token}")) if token else None

    async def call_until_end(self) -> tuple[bytes, Counter[str]]:
        """Make the calls of the plan; return the latencies as bytes of doubles, and the errors."""
        plan = self._plan
        options = (("grpc.use_local_subchannel_pool", 1),)
        channels = [
            grpc.aio.insecure_channel(plan.target.address, options=options) for _ in range(plan.connections)
        ]
        methods: list[Method] = [channel.unary_unary(plan.target.method) for channel in channels]
        await asyncio.sleep(self._span.start - time.monotonic())
        if plan.rate:
            await self._open_loop(methods)
        else:
            each = plan.in_flight // plan.connections
            await asyncio.gather(*(self._closed_loop(method) for method in methods for _ in range(each)))
        for channel in channels:
            await channel.close()
        return self._latencies.tobytes(), self._errors

    async def _closed_loop(self, method: Method) -> None:
        while time.monotonic() < self._span.end:
            await self._call(method, time.monotonic())

    async def _open_loop(self, methods: Sequence[Method]) -> None:
        plan, under_way = self._plan, set[asyncio.Task[None]]()
        due = self._span.start
        while due < self._span.end:
            await asyncio.sleep(due - time.monotonic())
            if len(under_way) < _MOST_LATE:
                call = asyncio.create_task(self._call(methods[len(under_way) % len(methods)], due))
                under_way.add(call)
                call.add_done_callback(under_way.discard)
            else:
                self._errors["NOT_STARTED"] += 1
            due += 1 / plan.rate
        await asyncio.gather(*under_way)

    async def _call(self, method: Method, since: float) -> None:
        self._count += 1
        request = self._plan.requests(self._count * PROCESSES + self._plan.number)
        try:
            await method(request, metadata=self._metadata, timeout=30)
        except grpc.aio.AioRpcError as error:
            self._errors[error.code().name] += 1
            return
        now = time.monotonic()
        if self._span.begin <= now <= self._span.end:
            self._latencies.append(now - since)
