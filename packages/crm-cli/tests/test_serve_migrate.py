"""`crm migrate` and `crm serve`: the two steps of a container."""

import signal
import socket
from pathlib import Path
from secrets import token_urlsafe

import httpx
import psycopg
import pytest
from crm_cli.backoff import Backoff
from psycopg.conninfo import make_conninfo
from service_kit.embedded import free_port
from service_kit.registry import services
from service_testing import eventually, fresh_database, fresh_nats
from service_testing.command import Command, is_serving
from service_testing.link import database_link
from service_testing.web import web_client


def empty_database() -> str:
    """A database in which nothing was migrated."""
    template = fresh_database()
    name = f"empty_{token_urlsafe(4).lower().replace('-', '_')}"
    with psycopg.connect(make_conninfo(template, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return make_conninfo(template, dbname=name)


async def test_a_second_migration_changes_nothing(crm: Command) -> None:
    """The first names each schema it makes; both declare the streams."""
    with fresh_nats() as broker:
        command = crm.where(DATABASE_URL=empty_database(), NATS_URL=broker.url)
        first, second = await command("migrate", "clients"), await command("migrate", "clients")
    assert first.out == "migrating clients\n1 of 1 schemas changed, streams declared\n"
    assert (second.code, second.out) == (0, "0 of 1 schemas changed, streams declared\n")


async def test_a_migration_without_a_broker_is_a_failure(crm: Command) -> None:
    """The schemas are done by then; the sentence names the broker, not the password for it."""
    nowhere = crm.where(DATABASE_URL=fresh_database(), NATS_URL="nats://admin:secret@127.0.0.1:9")
    refused = await nowhere("migrate", "--wait", "0")
    sentence = "crm: the broker at nats://127.0.0.1:9 does not answer"
    assert (refused.code, refused.err.startswith(sentence)) == (1, True)


async def test_a_migration_waits_for_a_database_and_a_broker_that_are_starting(crm: Command) -> None:
    """Each in its turn, and says so: containers start in any order, some on slow disks."""
    async with database_link(fresh_database()) as link:
        with fresh_nats() as broker:
            broker.kill()
            command = crm.where(DATABASE_URL=link.url, NATS_URL=broker.url)
            async with link.cut():
                process = await command.start("migrate", "clients")
                assert process.stdout is not None
                said = [(await process.stdout.readline()).decode()]
            said.append((await process.stdout.readline()).decode())
            broker.start()
            rest, err = await process.communicate()
    assert [line.partition(":")[0] for line in said] == ["waiting", "waiting"]
    assert "no connection to PostgreSQL" in said[0]
    assert "the broker at" in said[1]
    assert (process.returncode, rest.decode(), err) == (0, "0 of 1 schemas changed, streams declared\n", b"")


async def test_a_served_service_ends_in_order_at_sigterm(crm: Command) -> None:
    """SERVING on its port until then, under a name that tells its service; exit code 0 after it."""
    with fresh_nats() as broker:
        port = free_port()
        process = await crm.where(
            DATABASE_URL=fresh_database(),
            NATS_URL=broker.url,
            JWT_SECRET=token_urlsafe(48),
            GRPC_PORT=str(port),
            GRPC_HOST="127.0.0.1",
        ).start("serve", "clients")
        await eventually(lambda: is_serving(f"127.0.0.1:{port}"), timeout=30)
        name = name_of(process.pid)
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
    assert (process.returncode, err, name) == (0, b"", "crm: clients")


def name_of(pid: int) -> str:
    """The name under which `ps` shows a process."""
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0")


async def test_a_served_gateway_needs_no_database(crm: Command) -> None:
    """It tells its metrics at a port of their own, and ends in order at SIGTERM."""
    port, metrics = free_port(), free_port()
    with fresh_nats() as broker:
        process = await crm.where(
            NATS_URL=broker.url,
            GATEWAY_PORT=str(port),
            GATEWAY_HOST="127.0.0.1",
            METRICS_PORT=str(metrics),
        ).start("serve", "gateway")
        await eventually(lambda: answers(f"http://127.0.0.1:{port}/healthz"), timeout=30)
        told = await answers(f"http://127.0.0.1:{metrics}/metrics")
        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
    assert 'http_requests_total{method="GET",route="/healthz",status="200"}' in told
    assert (process.returncode, err) == (0, b"")


async def answers(url: str) -> str:
    """What *url* answers, "" as long as nobody does."""
    async with web_client() as browser:
        try:
            return (await browser.get(url)).text
        except httpx.TransportError:
            return ""


async def test_two_gateways_on_one_port_do_not_start(crm: Command) -> None:
    """The second one says whose setting to change."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        refused = await crm.where(GATEWAY_PORT=str(port), GATEWAY_HOST="127.0.0.1")("serve", "gateway")
    sentence = f"crm: port {port} on 127.0.0.1 is taken: stop what listens there, or set GATEWAY_PORT\n"
    assert (refused.code, refused.err) == (1, sentence)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "crm: DATABASE_URL is missing: "),
        ({"DATABASE_URL": "host=nowhere"}, "crm: no source of keys for tokens: set KEYCLOAK_REALM_URL"),
    ],
    ids=["database", "keys"],
)
async def test_a_service_without_its_settings_does_not_start(
    crm: Command, settings: dict[str, str], sentence: str
) -> None:
    """One sentence that names the setting."""
    refused = await crm.where(**settings)("serve", next(iter(services())))
    assert (refused.code, refused.err.count("\n"), refused.err.startswith(sentence)) == (1, 1, True)


def test_pauses_between_starts_grow_to_half_a_minute() -> None:
    """A service that cannot start does not keep the machine busy."""
    backoff = Backoff()
    pauses = []
    for _ in range(8):
        backoff.started()
        pauses.append(backoff.ended())
    assert (pauses, backoff.over) == ([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0], False)
