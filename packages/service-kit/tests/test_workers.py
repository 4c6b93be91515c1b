"""Jobs: at their time, when they are woken, one at a time over all replicas, whatever happens."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from db_utils import Database, DatabaseUnavailable, SerializationConflict, clock
from service_clients.models import CompteurCode
from service_clients.service import SERVICE
from service_kit import AGAIN, App, Service, Settings, Worker, jobs
from service_testing import eventually, fresh_database, fresh_nats, running
from sqlalchemy import func, select

WithWorkers = Callable[..., Service]
_NEVER = timedelta(days=1)
_OFTEN = timedelta(milliseconds=10)


async def write_row(database: Database, number: int = 1) -> None:
    """A commit that writes a row of the table that wakes."""
    async with database.transaction() as tx:
        await tx.insert(CompteurCode(organisation_id=f"org-{number}", dernier=1))


async def test_a_job_runs_at_the_start_and_then_at_its_time(with_workers: WithWorkers) -> None:
    """Again and again, with the application."""
    apps: list[App[Settings]] = []

    async def job(app: App[Settings]) -> None:
        apps.append(app)

    async with running(with_workers(Worker("job", job, every=_OFTEN))) as mesh:
        await eventually(lambda: len(apps) >= 3)
        assert set(map(id, apps)) == {id(mesh["clients"].app)}


async def test_C18_a_job_that_left_something_comes_again_sooner(
    with_workers: WithWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until nothing is left; then it keeps its interval again."""
    monkeypatch.setattr(jobs, "_SOON", 0.01)
    runs: list[int] = []

    async def job(app: App[Settings]) -> object:
        runs.append(len(runs))
        return AGAIN if len(runs) < 4 else None

    async with running(with_workers(Worker("job", job, every=_NEVER))):
        await eventually(lambda: len(runs) >= 4)


def test_C18_the_pauses_of_a_job_that_leaves_something_grow_up_to_its_interval() -> None:
    """Doubled each time; with nothing left it is the interval."""
    every = timedelta(minutes=5)
    assert [jobs.pause(every, left) for left in range(7)] == [300, 20, 40, 80, 160, 300, 300]
    assert jobs.pause(timedelta(seconds=5), 3) == 5
    assert jobs.pause(every, 10_000) == 300


async def test_a_job_is_woken_by_the_rows_it_waits_for(with_workers: WithWorkers) -> None:
    """At once after the commit that wrote them; not by a rollback."""
    runs: list[int] = []

    async def job(app: App[Settings]) -> None:
        runs.append(len(runs))

    worker = Worker("job", job, every=_NEVER, wake_on=CompteurCode)
    async with running(with_workers(worker)) as mesh:
        await eventually(lambda: len(runs) == 1)
        database = mesh.database("clients")
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as tx:
                await tx.insert(CompteurCode(organisation_id="org-0", dernier=1))
                raise ZeroDivisionError
        await write_row(database)
        await eventually(lambda: len(runs) == 2)


async def test_a_job_is_woken_when_the_clock_is_moved(
    with_workers: WithWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whatever process: what it looks for may have become due."""
    runs: list[date] = []

    async def job(app: App[Settings]) -> None:
        runs.append(clock.today())

    monkeypatch.setattr(clock, "_followed", None)
    monkeypatch.setenv("CLOCK_FILE", str(tmp_path / "clock"))
    clock.follow(tmp_path / "clock")
    async with running(with_workers(Worker("job", job, every=_NEVER))):
        await eventually(lambda: len(runs) == 1)
        clock.move(timedelta(days=-400))
        await eventually(lambda: len(runs) == 2)
    assert runs[1] < runs[0] - timedelta(days=390)


async def test_rows_written_while_a_job_runs_wake_it_again(with_workers: WithWorkers) -> None:
    """It may have looked before they came."""
    runs: list[int] = []
    go_on = asyncio.Event()

    async def job(app: App[Settings]) -> None:
        runs.append(len(runs))
        await go_on.wait()

    worker = Worker("job", job, every=_NEVER, wake_on=CompteurCode)
    async with running(with_workers(worker)) as mesh:
        await eventually(lambda: len(runs) == 1)
        await write_row(mesh.database("clients"))
        go_on.set()
        await eventually(lambda: len(runs) == 2)


class Replicas:
    """Counts how many run a job at once, in two meshes on one database."""

    def __init__(self) -> None:
        self.at_once = self.most = self.runs = 0

    async def job(self, app: App[Settings]) -> None:
        """Take a while."""
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.runs += 1
        try:
            for _ in range(3):
                await app.database.ping()
        finally:
            self.at_once -= 1


@pytest.mark.parametrize("exclusive", [True, False])
async def test_C18_replicas_run_an_exclusive_job_one_at_a_time(
    with_workers: WithWorkers, exclusive: bool
) -> None:
    """And any other job all together."""
    replicas = Replicas()
    service = with_workers(Worker("job", replicas.job, every=timedelta(0), exclusive=exclusive))
    url = fresh_database(SERVICE)
    with fresh_nats() as broker:
        async with (
            running(service, database_url=url, broker=broker),
            running(service, database_url=url, broker=broker),
        ):
            await eventually(lambda: replicas.runs >= 50 and (exclusive or replicas.most == 2))
    assert replicas.most == (1 if exclusive else 2)


async def test_a_woken_replica_sees_to_its_rows_though_another_was_at_work(
    with_workers: WithWorkers,
) -> None:
    """The one at work may have passed them by: the woken one looks again as soon as it may."""
    runs: list[int] = []
    first_at_work, go_on = asyncio.Event(), asyncio.Event()

    async def job(app: App[Settings]) -> None:
        runs.append(id(app))
        if len(runs) == 1:
            first_at_work.set()
            await go_on.wait()

    service = with_workers(Worker("job", job, every=_NEVER, wake_on=CompteurCode))
    url = fresh_database(SERVICE)
    with fresh_nats() as broker:
        async with running(service, database_url=url, broker=broker) as first:
            await first_at_work.wait()
            async with running(service, database_url=url, broker=broker) as second:
                await write_row(second.database("clients"))
                await asyncio.wait((asyncio.create_task(second.database("clients").ping()),))
                go_on.set()
                await eventually(lambda: len(runs) == 2)
                assert runs == [id(first["clients"].app), id(second["clients"].app)]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyError])
async def test_a_job_that_fails_is_logged_and_runs_again(
    with_workers: WithWorkers, caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    """A bug ends one run, not the loop, and leaves the lock to others."""
    runs: list[int] = []

    async def job(app: App[Settings]) -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            raise error

    async with running(with_workers(Worker("job", job, every=_NEVER))):
        await eventually(lambda: len(runs) == 2)
    assert "job failed unexpectedly, starting it again" in caplog.text
    assert error.__name__ in caplog.text


async def test_a_job_waits_out_a_database_that_is_away(
    with_workers: WithWorkers, caplog: pytest.LogCaptureFixture
) -> None:
    """Which is no bug: a line, no traceback."""
    runs: list[int] = []

    async def job(app: App[Settings]) -> None:
        runs.append(len(runs))
        if len(runs) == 1:
            raise DatabaseUnavailable

    async with running(with_workers(Worker("job", job, every=_NEVER))):
        await eventually(lambda: len(runs) == 2, timeout=15)
    assert "job waits: DatabaseUnavailable" in caplog.text
    assert "Traceback" not in caplog.text


async def test_C12_a_job_that_met_another_writer_is_run_again_at_once(
    with_workers: WithWorkers, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is logged, and the job does not wait for its next time."""
    runs: list[int] = []

    async def job(app: App[Settings]) -> None:
        runs.append(len(runs))
        if len(runs) < 3:
            raise SerializationConflict

    async with running(with_workers(Worker("job", job, every=_NEVER))):
        await eventually(lambda: len(runs) == 3, timeout=2)
    assert "job" not in caplog.text


async def test_a_job_under_way_is_cancelled_at_a_stop(with_workers: WithWorkers) -> None:
    """Nothing of it stays; the lock is free for the next."""
    at_work = asyncio.Event()

    async def job(app: App[Any]) -> None:
        async with app.database.transaction() as tx:
            await tx.insert(CompteurCode(organisation_id="org-x", dernier=1))
            await tx.flush()
            at_work.set()
            await asyncio.Event().wait()

    url = fresh_database(SERVICE)
    async with running(with_workers(Worker("job", job, every=_NEVER)), database_url=url):
        await at_work.wait()
    with psycopg.connect(url) as connection:
        locks = """
            SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
            WHERE locktype = 'advisory' AND datname = current_database()
        """
        assert connection.execute(locks).fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM clients.compteurs_code").fetchone() == (0,)


async def test_jobs_leave_the_pool_to_the_calls(with_workers: WithWorkers) -> None:
    """Many that hold their locks, all at work at once on a pool of one connection."""
    at_work = asyncio.Barrier(5)

    def job(number: int) -> Callable[[App[Any]], Awaitable[None]]:
        async def write(app: App[Any]) -> None:
            await at_work.wait()
            await write_row(app.database, number)

        return write

    workers = [Worker(f"job {number}", job(number), every=_NEVER) for number in range(4)]
    async with running(with_workers(*workers), db_pool_size=1) as mesh:
        await at_work.wait()
        written = select(func.count()).select_from(CompteurCode)

        async def all_written() -> bool:
            return await mesh.database("clients").read().one(written) == 4

        await eventually(all_written)


async def test_C10_a_client_of_a_former_version_is_found() -> None:
    """It has written no keys; the new version completes them at its start."""
    url = fresh_database(SERVICE)
    with fresh_nats() as broker:
        async with running(SERVICE, database_url=url, broker=broker) as mesh:
            clients = mesh.stub(ClientBaseServiceStub, organisation="org-1")
            await clients.Create(pb.CreateClientBaseRequest(nom="Élan"))
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("UPDATE clients.client_bases SET nom_cle = '', recherche_cle = ''")
        async with running(SERVICE, database_url=url, broker=broker) as mesh:
            clients = mesh.stub(ClientBaseServiceStub, organisation="org-1")

            async def found() -> bool:
                return bool((await clients.List(pb.ListClientBasesRequest(search="elan"))).clients)

            await eventually(found)
