"""Traces beyond a call: commands that are owed, and jobs that a commit has woken."""

import asyncio
from datetime import timedelta

from db_utils import Database, Worker
from service_clients.models import CompteurCode
from service_kit import App, Settings
from service_testing import eventually, running
from service_testing.collector import Collector
from tests.owing import an_office
from tests.test_workers import WithWorkers, write_row
from trace_utils import NOWHERE, Tracer, tracer_of

CREATE = "clients.StatutClientService/Create"
_NEVER = timedelta(days=1)


def tracer() -> Tracer:
    """The tracer of `clients`."""
    found = tracer_of("clients")
    assert found is not None
    return found


async def written(database: Database, number: int = 1) -> None:
    """A commit that wakes, in a trace of its own."""
    with tracer().current(tracer().begin("server", f"call {number}", {}, NOWHERE)):
        await write_row(database, number)


async def test_a_command_is_sent_in_the_trace_of_its_cause(collector: Collector) -> None:
    """By whatever process sends it, each attempt a call below that cause."""
    async with an_office() as office:
        with tracer().current(tracer().begin("server", "cause", {}, NOWHERE)):
            await office.owe()
        await office.send()
    calls = {one.kind: one for one in await collector.named(CREATE, 2)}
    (cause,) = await collector.named("cause")
    assert calls["client"].parent == cause.id
    assert calls["server"].trace == cause.trace


async def test_a_command_of_no_trace_begins_one(collector: Collector) -> None:
    """Not that of another command which was sent before it."""
    async with an_office() as office:
        with tracer().current(tracer().begin("server", "cause", {}, NOWHERE)):
            await office.owe("a")
        await office.owe("b")
        await office.send()
        assert [bool(row.trace) for row in await office.rows()] == [True, False]
    calls = [one for one in await collector.named(CREATE, 4) if one.kind == "client"]
    assert sorted(bool(one.parent) for one in calls) == [False, True]


async def test_a_job_is_a_span_of_the_trace_that_has_woken_it(
    collector: Collector, with_workers: WithWorkers
) -> None:
    """Below the work that has committed; the runs at its own time are none."""

    async def job(app: App[Settings]) -> None: ...

    async with running(with_workers(Worker("job", job, every=_NEVER, wake_on=CompteurCode))) as mesh:
        await written(mesh.database("clients"))
        (run,) = await collector.named("job job")
    (cause,) = await collector.named("call 1")
    assert (run.service, run.kind, run.parent) == ("clients", "internal", cause.id)


async def test_a_job_that_several_traces_have_woken_is_linked_to_each(
    collector: Collector, with_workers: WithWorkers
) -> None:
    """It is in the trace of none of them."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def job(app: App[Settings]) -> None:
        begun.set()
        await may_end.wait()

    async with running(with_workers(Worker("job", job, every=_NEVER, wake_on=CompteurCode))) as mesh:
        await begun.wait()
        for number in (1, 2):
            await written(mesh.database("clients"), number)
        may_end.set()
        (run,) = await collector.named("job job")
    causes = [(await collector.named(f"call {number}"))[0] for number in (1, 2)]
    assert (run.parent, set(run.links)) == ("", {one.trace for one in causes})


async def test_a_job_that_fails_is_a_failed_span(collector: Collector, with_workers: WithWorkers) -> None:
    """Named by the class of its error."""
    runs: list[int] = []

    async def job(app: App[Settings]) -> None:
        runs.append(len(runs))
        if len(runs) > 1:
            raise ZeroDivisionError("secret")

    async with running(with_workers(Worker("job", job, every=_NEVER, wake_on=CompteurCode))) as mesh:
        await eventually(lambda: runs)
        await written(mesh.database("clients"))
        (run,) = await collector.named("job job")
    assert (run.failed, run.attributes["error.type"]) == (True, "ZeroDivisionError")
    assert "secret" not in collector.file.read_text()
