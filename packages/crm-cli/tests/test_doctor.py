"""`crm doctor`: what it says when all is well, and about each thing that is not."""

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import nats
import psycopg
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from crm_cli.doctor import broker, database, installation, services
from crm_cli.doctor.findings import Finding, Level, ago
from crm_cli.home import Home
from crm_cli.keys import secrets_of
from db_utils import Transaction, clock
from nats.js.api import StreamConfig
from nats_utils import Subscription
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from service_clients.service import SERVICE as CLIENTS
from service_kit.embedded import EmbeddedNats, free_port
from service_testing import Mesh, eventually, fresh_database, fresh_nats, running
from service_testing.command import Command
from service_users.service import SERVICE as USERS

NOWHERE = "host=/nowhere user=crm password=sesame"


@pytest.fixture(scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """A mesh with the clients service alone."""
    async with running(CLIENTS) as mesh:
        yield mesh


def url_of(mesh: Mesh) -> str:
    """The connection string of the database of *mesh*."""
    return mesh["clients"].settings.database_url.get_secret_value()


def one(findings: Sequence[Finding], subject: str) -> Finding:
    """The only finding about *subject*."""
    (found,) = [finding for finding in findings if finding.subject == subject]
    return found


async def look_at_broker(server: EmbeddedNats, *consumers: Subscription) -> list[Finding]:
    """What the doctor says of *server* and of *consumers* of a service."""
    service = replace(CLIENTS, subscriptions=consumers)
    return [found async for found in broker.examine(server.url, server.monitoring_url, [service])]


async def ignore(event: ClientCreatedEvent, tx: Transaction) -> None:
    """A handler."""


async def test_a_healthy_mesh_passes(crm: Command, mesh: Mesh) -> None:
    """Every line is ok, and the exit code is 0."""
    command = crm.where(
        DATABASE_URL=url_of(mesh), NATS_URL=mesh.broker.url, CLIENTS_GRPC_ADDR=mesh.address("clients")
    )
    told = await command("doctor", "clients")
    levels = {line.split()[0] for line in told.out.splitlines()}
    assert (told.code, levels, told.err) == (0, {"ok"}, ""), told.out


async def test_without_a_mesh_it_says_how_to_start_one(crm: Command) -> None:
    """One failure, in a sentence, and what could be looked at."""
    told = await crm("doctor")
    failures = [line for line in told.out.splitlines() if line.startswith("fail")]
    assert (told.code, len(failures)) == (1, 1)
    assert "no mesh runs here → start it with ./scripts/up" in failures[0]


async def test_everything_that_is_away_is_named_at_once(crm: Command) -> None:
    """Database, broker and service, each with its remedy; no password is printed."""
    nowhere = f"127.0.0.1:{free_port()}"
    told = await crm.where(DATABASE_URL=NOWHERE, NATS_URL=nowhere, CLIENTS_GRPC_ADDR=nowhere)(
        "doctor", "clients"
    )
    failed = [line.split()[1] for line in told.out.splitlines() if line.startswith("fail")]
    assert (told.code, failed) == (1, ["database", "broker", "service"])
    assert "sesame" not in told.out + told.err


async def test_a_gateway_that_does_not_answer_is_named(crm: Command, mesh: Mesh) -> None:
    """With where its log would be."""
    port = free_port()
    listed = list(services.edges({"gateway": f"127.0.0.1:{port}"}, crm.home))
    assert [found.level for found in listed] == [Level.FAIL]
    assert listed[0].fact == f"http://127.0.0.1:{port} does not answer"
    assert str(crm.home / "gateway.log") in listed[0].remedy


async def test_settings_with_which_nothing_would_start_fail(crm: Command) -> None:
    """The refusal of the services is told before they are started."""
    told = await crm.where(JWT_SECRET="short")("doctor")
    assert "fail  settings                     JWT_SECRET has 5 bytes and needs at least 32" in told.out


def test_open_secrets_are_seen(tmp_path: Path) -> None:
    """A file that others can read is a warning."""
    home = Home(tmp_path)
    secrets_of(home)
    (tmp_path / "secrets.json").chmod(0o644)
    levels = [found.level for found in installation.secrets(home, [CLIENTS])]
    assert levels == [Level.WARN, Level.OK]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: "{", "is damaged"),
        (lambda text: text.replace('"clients"', '"others"'), "no usable key of clients"),
        (lambda text: text.replace('"public": "', '"public": "AAAA'), "no usable key of clients"),
        (
            lambda text: text[: text.index('": "') + 4] + "weak" + text[text.index('",\n') :],
            "needs at least 32",
        ),
    ],
    ids=["json", "missing", "malformed", "weak"],
)
def test_unusable_secrets_fail(tmp_path: Path, damage: object, words: str) -> None:
    """Whatever is wrong with them."""
    home = Home(tmp_path)
    secrets_of(home)
    path = tmp_path / "secrets.json"
    path.write_text(damage(path.read_text()))  # type: ignore[operator]  # a function of the table above
    (found,) = installation.secrets(home, [CLIENTS])
    assert (found.level, words in found.fact) == (Level.FAIL, True)


def test_a_schema_behind_its_migrations_fails() -> None:
    """The remedy is the command that brings it up to date."""
    url = fresh_database(CLIENTS)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("COMMENT ON SCHEMA clients IS 'crm:older'")
    (found,) = database.schemas(url, [CLIENTS])
    assert (found.level, found.remedy) == (Level.FAIL, "crm migrate")


def test_a_table_changed_by_hand_fails() -> None:
    """The first difference is shown."""
    url = fresh_database(CLIENTS)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE clients.adresses ADD COLUMN etage int")
    (found,) = database.schemas(url, [CLIENTS])
    assert (found.level, found.fact) == (
        Level.FAIL,
        "differs from its classes: - column adresses etage integer",
    )


def test_what_waits_in_a_database_is_counted() -> None:
    """An old outbox row and a dead letter are warnings that say where to look."""
    url = fresh_database(CLIENTS)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO clients.outbox (message_id, stream, subject, payload, headers, created_at)"
            " VALUES ('1', 's', 's', '', '{}', now() - interval '3 hours')"
        )
        connection.execute(
            "INSERT INTO clients.dead_letters (consumer, event_type, message_key, subject, payload, error,"
            " attempts, status, created_at, updated_at)"
            " VALUES ('c', 'e', 'k', 's', '', '', 1, 'dead', now(), now())"
        )
    outbox, letters = database.waiting(url, [CLIENTS])
    assert (outbox.level, outbox.fact) == (Level.WARN, "1 events wait, the oldest for 3 h")
    assert (letters.level, letters.fact, letters.remedy) == (Level.WARN, "1", "crm dlq list clients")


def test_what_a_service_owes_to_others_is_told() -> None:
    """Per service and callee: how many calls wait, since when, and what the last attempt met."""
    url = fresh_database(USERS)
    assert list(database.owed(url, [CLIENTS, USERS])) == [Finding(Level.OK, "commands users", "none wait")]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO users.commande_sortante (id, type, cle, objet, charge, correlation_id, etat,"
            " tentatives, prochain_essai, erreur, created_at)"
            " SELECT gen_random_uuid(), type, type || age, type || age, '{}', '', 'EN_ATTENTE', tries, now(),"
            " told, now() - age * interval '1 minute' FROM (VALUES ('revocation', 180, 9, 'UNAVAILABLE'),"
            " ('revocation', 5, 1, 'INTERNAL'), ('notification', 0, 0, ''), ('of another version', 0, 0, ''))"
            " AS of(type, age, tries, told)"
        )
    told = {found.subject: (found.level, found.fact) for found in database.owed(url, [USERS])}
    assert told == {
        "commands users → auth": (Level.WARN, "2 wait, the oldest for 3 h, last answer UNAVAILABLE"),
        "commands users → notifications": (Level.OK, "1 waits"),
        "commands users → ? (of another version)": (Level.OK, "1 waits"),
    }


def test_a_clock_that_differs_is_seen() -> None:
    """Tokens and ages are wrong between machines whose clocks differ."""
    with clock.frozen_at(clock.now() + timedelta(minutes=3)):
        found = one([*database.server(fresh_database(CLIENTS))], "clock")
    assert (found.level, found.fact.endswith("s from here")) == (Level.WARN, True)


async def test_missing_and_drifted_streams_fail() -> None:
    """Nothing is declared or edited by looking."""
    with fresh_nats() as server:
        client = await nats.connect(server.url)
        await client.jetstream().add_stream(StreamConfig(name="CRM_EVENTS", subjects=["crm.events.>"]))
        await client.close()
        findings = await look_at_broker(server)
    drifted, missing = one(findings, "stream CRM_EVENTS"), one(findings, "stream CRM_IDENTITY")
    assert (drifted.level, missing.level, missing.remedy) == (Level.FAIL, Level.FAIL, "crm migrate")
    assert "max_age" in drifted.fact


async def test_a_consumer_that_never_ran_is_a_warning(mesh: Mesh) -> None:
    """Its service makes it at its first start."""
    findings = await look_at_broker(mesh.broker, Subscription(ClientCreatedEvent, ignore))
    assert one(findings, "consumer clients--client-created").level == Level.WARN


async def test_a_consumer_behind_is_measured_by_its_oldest_event(mesh: Mesh) -> None:
    """How many wait and for how long; soon after the publication that is no fault."""
    subscription = Subscription(ClientCreatedEvent, ignore)
    durable = subscription.consumer("clients")
    client = await nats.connect(mesh.broker.url)
    js = client.jetstream()
    await js.add_consumer("CRM_EVENTS", durable_name=durable, filter_subject="crm.events.client.created")
    await mesh.stub(ClientBaseServiceStub).Create(pb.CreateClientBaseRequest(nom="Attente"))
    await mesh.published(ClientCreatedEvent, 1)
    soon = one(await look_at_broker(mesh.broker, subscription), f"consumer {durable}")
    with clock.frozen_at(clock.now() + timedelta(hours=5)):
        late = one(await look_at_broker(mesh.broker, subscription), f"consumer {durable}")
    await js.delete_consumer("CRM_EVENTS", durable)
    await client.close()
    assert (soon.level, late.level) == (Level.OK, Level.WARN)
    assert late.fact == "1 events wait, the oldest for 5 h"


async def test_a_broker_that_complains_of_itself_fails(mesh: Mesh) -> None:
    """/healthz is believed: a frozen stream takes connections and answers questions."""
    server = mesh.broker
    findings = [found async for found in broker.examine(server.url, f"http://127.0.0.1:{free_port()}", [])]
    assert (findings[0].level, "healthz" in findings[0].fact) == (Level.FAIL, True)


async def test_a_service_whose_database_is_away_fails(crm: Command) -> None:
    """It answers, and says NOT_SERVING."""
    async with running(CLIENTS, database_url=fresh_database(CLIENTS)) as mesh:
        cut_off(mesh["clients"].app.database.url)
        await eventually(lambda: not mesh["clients"].serving, timeout=30)
        command = crm.where(
            DATABASE_URL=NOWHERE, NATS_URL=mesh.broker.url, CLIENTS_GRPC_ADDR=mesh.address("clients")
        )
        told = await command("doctor", "clients")
    (line,) = [line for line in told.out.splitlines() if "service clients" in line]
    assert line.split("→")[0].split()[-1] == "NOT_SERVING"


def cut_off(url: str) -> None:
    """Let nobody connect to the database of *url* any more, and end who is."""
    name = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(make_conninfo(url, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (59.6, "60 s"), (119, "119 s"), (150, "2 min"), (9000, "2 h"), (864_000, "10 d")],
)
def test_durations_are_said_as_people_do(seconds: float, text: str) -> None:
    """In the largest unit of which there are two."""
    assert ago(seconds) == text


def test_the_packages_of_this_installation_are_complete() -> None:
    """The tests run in an environment that the scripts have made."""
    assert installation.installation().level == Level.OK
    assert os.environ.get("PYTHONPATH", "") == ""
