"""Long fault tests: kills, freezes and lost stores under load, after which every invariant holds."""

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import nats
import pytest
from db_utils.migrations import migrate
from nats_utils import declare, declared
from service_kit.embedded import EmbeddedPostgres, free_port
from service_testing import fresh_nats

from tests.faults.checker import violations
from tests.faults.load import UNKNOWN, Load, Memory
from tests.faults.nemesis import Fault, Nemesis, stopped
from tests.faults.observer import observed
from tests.faults.processes import ForkServer, Kept, Processes, Replica, processes
from tests.temoin.service import ARCHIVE, TEMOIN

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

_FORGETFUL = timedelta(milliseconds=100)  # a duplicate window that ends before a message is sent again
WINDOWS = pytest.mark.parametrize("window", [None, _FORGETFUL], ids=["two minutes", "100 ms"])


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A database server of the test's own, which survives being killed."""
    server = EmbeddedPostgres(tmp_path, {"fsync": "off", "full_page_writes": "off"})
    server.start()
    migrate(server.url(), [TEMOIN.schema, ARCHIVE.schema])
    yield server
    server.stop()


@pytest.fixture
async def mesh(
    fork_server: ForkServer, postgres: EmbeddedPostgres, tmp_path: Path
) -> AsyncIterator[Processes]:
    """A mesh without a process yet, on servers that may be killed."""
    with fresh_nats() as broker:
        async with processes(fork_server, postgres.url(), broker, tmp_path) as mesh:
            yield mesh


@contextlib.asynccontextmanager
async def victims(mesh: Processes, window: timedelta | None) -> AsyncIterator[list[Kept]]:
    """Two replicas of each service, serving, on streams that remember message ids for *window*."""
    client = await nats.connect(mesh.broker.url)
    await declare(client.jetstream(), declared(duplicate_window=window))
    await client.close()
    async with contextlib.AsyncExitStack() as stack:
        names = ("temoin", "temoin", "archive", "archive")
        kept = [await stack.enter_async_context(mesh.kept_running(name)) for name in names]
        for one in kept:
            await one.replica.serving()
        yield kept


Choose = Callable[[Nemesis], Sequence[Fault]]
# Faults of each plan, and whether an id may stand only once in the stream: a broker that has lost its
# store or ids stores events again.
PLANS: dict[str, tuple[Choose, bool]] = {
    "services": (lambda one: (one.kill_service, one.freeze_service), True),
    "broker": (lambda one: (one.kill_broker, one.freeze_broker), True),
    "database": (lambda one: (one.kill_database, one.freeze_database), True),
    "memory of the broker": (lambda one: (one.wipe_broker, one.rewind_broker, one.kill_broker), False),
    "all": (
        lambda one: (
            one.kill_service,
            one.freeze_service,
            one.kill_broker,
            one.freeze_broker,
            one.kill_database,
            one.freeze_database,
            one.rewind_broker,
        ),
        False,
    ),
}


@WINDOWS
@pytest.mark.parametrize("plan", PLANS)
async def test_the_invariants_survive_faults_under_load(
    mesh: Processes, postgres: EmbeddedPostgres, tmp_path: Path, plan: str, window: timedelta | None
) -> None:
    """I1 to I5 and I9 hold after fifteen faults; callers get OK or a status of unknown outcome."""
    choose, each_id_once = PLANS[plan]
    async with victims(mesh, window) as kept:
        nemesis = Nemesis(kept, mesh.broker, postgres, tmp_path / "copies", random.Random(plan))
        load = Load([one.port for one in kept[:2]], mesh.secrets)
        async with load.running() as memory:
            await nemesis.rage(choose(nemesis), 15)
        await hold(mesh, memory, each_id_once=each_id_once and window is None)


async def hold(mesh: Processes, memory: Memory, *, each_id_once: bool = True) -> None:
    """Assert every invariant, and that more than a hundred calls were answered at all."""
    assert violations(await observed(mesh, memory, each_id_once=each_id_once)) == []
    assert set(memory.codes) <= UNKNOWN
    assert len(memory.acknowledged) > 100


@pytest.mark.parametrize("seed", range(3))
async def test_a_leader_frozen_for_longer_than_its_session_lives(mesh: Processes, seed: int) -> None:
    """Another relay takes over, and the former leader does no harm when it goes on."""
    async with victims(mesh, None) as kept:
        load = Load([one.port for one in kept[:2]], mesh.secrets)
        async with load.running() as memory:
            for one in kept[:2]:
                async with stopped([one.replica.pid]):
                    await asyncio.sleep(25)
                await asyncio.sleep(2)
        await hold(mesh, memory)


async def test_a_database_away_for_longer_than_all_retries(
    mesh: Processes, postgres: EmbeddedPostgres
) -> None:
    """Events wait while the database is away for half a minute: none becomes a dead letter."""
    async with victims(mesh, None) as kept:
        load = Load([one.port for one in kept[:2]], mesh.secrets, poison_every=10**9)
        async with load.running() as memory:
            await asyncio.sleep(3)
            postgres.stop()
            await asyncio.sleep(30)
            postgres.start()
            await asyncio.sleep(3)
        seen = await observed(mesh, memory)
        assert violations(seen) == []
        assert [one.dead for one in seen.consumers.values()] == [[], []]


async def test_rolling_restarts_are_not_noticed_by_a_caller_who_tries_again(mesh: Processes) -> None:
    """Six rounds of SIGTERM to one replica after the other: every call is OK within ten attempts."""
    ports = [free_port(), free_port()]
    replicas = [await mesh.start("temoin", port=port) for port in ports]
    replicas += [await mesh.start("archive") for _ in range(2)]
    for replica in replicas:
        await replica.serving()
    load = Load(ports, mesh.secrets, tries=10)
    async with load.running() as memory:
        for _ in range(6):
            replicas = [await rolled(mesh, replica) for replica in replicas]
    await hold(mesh, memory)
    assert (memory.given_up, memory.acknowledged) == (set(), memory.invoked)


async def rolled(mesh: Processes, former: Replica) -> Replica:
    """Stop *former* by SIGTERM; its successor on the same port, once it serves."""
    former.send(signal.SIGTERM)
    assert await former.ended() == 0
    replica = await mesh.start(former.service, port=former.port)
    await replica.serving()
    return replica
