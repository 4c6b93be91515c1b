"""`crm up`, run as a person runs it, with what is killed and what is wrong around it."""

import asyncio
import json
import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm_cli.selection import NATS_PORT, free_port_offset, moved_ports
from service_testing import eventually
from service_testing.command import Command, Up, up
from service_testing.web import web_client


async def clients_of(running: Up, token: str) -> list[pb.ClientBase]:
    """The clients that *token* may see."""
    async with grpc.aio.insecure_channel(running.address("clients")) as channel:
        metadata = grpc.aio.Metadata(("authorization", f"Bearer {token}"))
        listed = await ClientBaseServiceStub(channel).List(
            pb.ListClientBasesRequest(), metadata=metadata, wait_for_ready=True, timeout=20
        )
        return list(listed.clients)


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Somebody else on *port*."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
async def test_it_starts_answers_and_leaves_nothing_behind(crm: Command, number: signal.Signals) -> None:
    """Its token opens it, health finds its ports, a second one is refused, a signal ends it in order.

    Once in an empty folder, once with the database of a former start.
    """
    async with up(crm, "clients", empty=number == signal.SIGINT) as running:
        token = (await running.says("TOKEN=")).strip().removeprefix("TOKEN=")
        assert await clients_of(running, token) == []
        assert await clients_of(running, (await crm("token")).out.strip()) == []
        assert (await crm("health", "clients")).out == "clients is SERVING\n"
        second = await crm("up", "--port-offset", str(running.offset))
        assert (second.code, second.err) == (
            1,
            f"crm: the mesh of {crm.home} is already up: stop it first (Ctrl-C there)\n",
        )
        running.process.send_signal(number)
        out, err = await running.process.communicate()
    assert (running.process.returncode, out.decode().splitlines()[-1], err) == (0, "Stopped", b"")
    assert running.nothing_is_left()
    assert not (crm.home / "state.json").exists()


async def test_the_gateway_is_part_of_it(crm: Command) -> None:
    """Its address is told, and it answers there; services know that it publishes keys."""
    async with up(crm, "clients", "gateway") as running:
        told = (await running.says("# what runs here")).split()[0]
        async with web_client() as browser:
            page = await browser.get(told)
        assert told == f"http://{running.address('gateway')}/"
        assert page.status_code == 200
        doctor = await crm("doctor")
        assert f"ok    gateway                      http://{running.address('gateway')} answers" in doctor.out
    assert running.nothing_is_left()


async def test_on_a_terminal_it_shows_a_table(crm: Command) -> None:
    """Servers and services with address, state, process and restarts."""
    offset = free_port_offset()
    ours, theirs = os.openpty()
    command = crm.where(CRM_PORT_OFFSET=str(offset), TERM="xterm", COLUMNS="100", LINES="40")
    process = await command.start("up", "clients", stdout=theirs)
    os.close(theirs)
    screen = await asyncio.to_thread(
        read_until, ours, f"localhost:{moved_ports(offset)['clients']}  \x1b[32mSERVING"
    )
    process.send_signal(signal.SIGINT)
    await asyncio.to_thread(read_until, ours, "Stopped")
    os.close(ours)
    assert (await process.wait(), "restarts" in screen, "PostgreSQL" in screen) == (0, True, True)


def read_until(terminal: int, words: str) -> str:
    """What appears on *terminal* up to *words*."""
    screen = ""
    while words not in screen:
        screen += os.read(terminal, 4096).decode(errors="replace")
    return screen


async def test_what_is_killed_is_started_again(crm: Command) -> None:
    """Service, broker and database, each with a line that says so; then everything works."""
    async with up(crm, "clients") as running:
        for name, words in (
            ("crm: clients", "clients ended (signal SIGKILL), starting it again in 0.5 s"),
            ("nats-server", "nats-server ended, starting it again in 0.5 s"),
            ("postgres", "PostgreSQL ended, starting it again in 0.5 s"),
        ):
            running.children()[name].kill()
            await running.says(words)
        await eventually(
            lambda: set(running.children()) == {"crm: clients", "nats-server", "postgres"}, timeout=30
        )
        await eventually(lambda: running.serving("clients"), timeout=30)
        token = (await crm("token")).out.strip()
        assert await clients_of(running, token) == []
        doctor = await crm("doctor")
    assert (doctor.code, [line for line in doctor.out.splitlines() if line.startswith("fail")]) == (0, [])


async def test_a_service_that_is_frozen_is_shown(crm: Command) -> None:
    """STUCK while it gives no sign of life, SERVING when it goes on."""
    async with up(crm, "clients") as running:
        service = running.children()["crm: clients"]
        service.suspend()
        stuck = await running.says("STUCK")
        service.resume()
        assert (stuck.split()[0], (await running.says("clients")).split()[-1]) == ("clients", "SERVING")


async def test_killed_itself_it_takes_everything_with_it(crm: Command) -> None:
    """Nothing goes on without it, and the next start waits for what is still ending."""
    async with up(crm, "clients") as killed:
        killed.process.kill()
        await killed.process.wait()
        async with up(crm, "clients", offset=killed.offset) as again:
            assert await again.serving("clients")
    await eventually(again.nothing_is_left)


async def test_a_state_of_former_times_is_not_believed(crm: Command) -> None:
    """After a power failure state.json and the lock file are there, and nobody runs."""
    crm.home.mkdir()
    state = {"database_url": "x", "nats_url": "y", "jwt_secret": "z", "services": {}}
    (crm.home / "state.json").write_text(json.dumps(state))
    (crm.home / "lock").write_text("1")
    refused = await crm("migrate")
    assert (refused.code, refused.err.startswith("crm: no mesh runs here: start it")) == (1, True)


async def test_without_authentication_it_warns(crm: Command) -> None:
    """AUTH_ENABLED=false is for the roll-out: it works and is not silent."""
    async with up(crm.where(AUTH_ENABLED="false", DEFAULT_ORGANISATION_ID="org-1"), "clients") as running:
        assert await clients_of(running, "none") == []
    assert "AUTH_ENABLED=false: every call is let in, whoever makes it\n" in running.said


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"JWT_SECRET": "short"}, "JWT_SECRET has 5 bytes and needs at least 32"),
        ({"JWT_SECRET": "change-me-change-me-change-me-change-me"}, "JWT_SECRET is a placeholder"),
        ({"AUTH_ENABLED": "false", "CRM_ENV": "production"}, "AUTH_ENABLED=false is refused with CRM_ENV"),
        ({"METRICS_PORT": "many"}, "METRICS_PORT: Input should be a valid integer"),
        (
            {"DATABASE_URL": "host=/nowhere", "NATS_URL": "nats://127.0.0.1:9"},
            "no connection to PostgreSQL, check DATABASE_URL: ",
        ),
    ],
    ids=["short", "placeholder", "production", "number", "database"],
)
async def test_what_could_not_work_is_refused_in_a_sentence(
    crm: Command, settings: dict[str, str], sentence: str
) -> None:
    """Exit code 1 and one line, without a traceback."""
    refused = await crm.where(**settings)("up", "--port-offset", str(free_port_offset()))
    assert (refused.code, refused.err.count("\n"), refused.err.startswith(f"crm: {sentence}")) == (
        1,
        1,
        True,
    ), refused.err


@pytest.mark.parametrize("name", ["clients", "nats"])
async def test_a_taken_port_is_named(crm: Command, name: str) -> None:
    """With what to do about it, and before anything is left running."""
    offset = free_port_offset()
    port = NATS_PORT + offset if name == "nats" else moved_ports(offset)[name]
    with listening(port):
        refused = await crm("up", "--port-offset", str(offset))
    assert (refused.code, refused.err.count("\n"), f"port {port} " in refused.err) == (1, 1, True)


@contextmanager
def outgoing_from(port: int) -> Iterator[socket.socket]:
    """Somebody's connection that goes out from *port*, to a server that waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as ours:
        ours.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )  # free once it is closed
        ours.bind(("127.0.0.1", port))
        ours.connect(server.getsockname())
        yield ours


@pytest.mark.parametrize("name", ["clients", "nats"])
async def test_a_port_that_an_outgoing_connection_has_for_a_moment_is_waited_for(
    crm: Command, name: str
) -> None:
    """The kernel gives it ports of ours too; it ends a second later, and everything starts."""
    offset = free_port_offset()
    port = NATS_PORT + offset if name == "nats" else moved_ports(offset)[name]
    with outgoing_from(port) as connection:
        asyncio.get_running_loop().call_later(1, connection.close)
        async with up(crm, "clients", offset=offset) as running:
            assert await running.serving("clients")


async def test_a_port_that_an_outgoing_connection_keeps_is_named(crm: Command) -> None:
    """It is not waited for for ever."""
    offset = free_port_offset()
    port = moved_ports(offset)["clients"]
    with outgoing_from(port):
        refused = await crm("up", "clients", "--port-offset", str(offset))
    assert (refused.code, refused.err.startswith(f"crm: port {port} of clients is taken: ")) == (1, True)


@pytest.mark.parametrize("damage", ["foreign", "torn"])
async def test_a_broken_database_folder_is_named(crm: Command, damage: str) -> None:
    """A folder of something else, and a database whose control file is torn."""
    folder = crm.home / "postgres"
    folder.mkdir(parents=True)
    (folder / ("notes.txt" if damage == "foreign" else "PG_VERSION")).write_text("18\n")
    refused = await crm("up", "--port-offset", str(free_port_offset()))
    assert (refused.code, refused.err.count("\n"), str(folder) in refused.err) == (1, 1, True), refused.err


async def test_a_folder_too_deep_for_a_socket_works(crm: Command, tmp_path: Path) -> None:
    """UNIX socket paths end at 107 bytes, folders do not."""
    deep = tmp_path / ("d" * 60) / ("e" * 60) / "home"
    async with up(Command.at(deep), "clients") as running:
        assert await running.serving("clients")
    assert running.nothing_is_left()


@pytest.mark.parametrize(
    "arguments", [["up", "nobody"], ["serve", "nobody"], ["migrate", "nobody"], ["doctor", "nobody"]]
)
async def test_an_unknown_service_is_named(crm: Command, arguments: list[str]) -> None:
    """The sentence lists those there are."""
    refused = await crm.where(DATABASE_URL="x", NATS_URL="y")(*arguments)
    assert (refused.code, refused.err.startswith("crm: there is no service 'nobody'; there are: ")) == (
        1,
        True,
    )


async def test_services_share_the_memory_of_what_they_have_imported(crm: Command) -> None:
    """Two thirds of it at least; a collection that visited everything would make it their own."""
    async with up(crm, "clients", "notifications") as running:
        services = [one for name, one in running.children().items() if name.startswith("crm: ")]
        for memory in [service.memory_full_info() for service in services]:
            assert memory.uss < memory.rss / 3
        assert len(services) == 2
