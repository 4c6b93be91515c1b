"""`crm events tail`, watched while clients are created."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from service_clients.service import SERVICE as CLIENTS
from service_testing import Mesh, running
from service_testing.command import Command
from service_testing.forked import ForkedCommand

LISTENING = "listening at"


@pytest.fixture(scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """A mesh with the clients service alone."""
    async with running(CLIENTS) as mesh:
        yield mesh


async def create(mesh: Mesh, nom: str) -> str:
    """Create a client; its id."""
    request = pb.CreateClientBaseRequest(nom=nom)
    return (await mesh.stub(ClientBaseServiceStub).Create(request)).id


@asynccontextmanager
async def tail(crm: Command, mesh: Mesh, *options: str) -> AsyncIterator[ForkedCommand]:
    """A tail that has begun to listen; it must end quietly at Ctrl-C."""
    process = await crm.where(NATS_URL=mesh.broker.url).start("events", "tail", *options)
    await told(process, LISTENING)
    yield process
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


async def told(process: ForkedCommand, words: str) -> None:
    """Wait until the process says *words* on standard error."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while words not in (line := (await process.stderr.readline()).decode()):
            assert line, "the process has ended"


async def line(process: ForkedCommand) -> str:
    """The next line of standard output."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode()


async def test_events_are_shown_decoded_while_they_arrive(crm: Command, mesh: Mesh) -> None:
    """One line with the time, the event and its fields."""
    async with tail(crm, mesh) as process:
        client = await create(mesh, "De La Tour")
        shown = await line(process)
    assert shown.split()[1:4] == ["client.created", f"clientId={client}", "organisationId=org-123"]
    assert 'nom="De La Tour"' in shown


async def test_from_start_shows_what_the_streams_hold(crm: Command, mesh: Mesh) -> None:
    """With --json each event is an object, the oldest first; a subject narrows."""
    await create(mesh, "Ancien")
    async with tail(crm, mesh, "--from-start", "--json", "--subject", "crm.events.client.*") as process:
        shown = json.loads(await line(process))
        while shown["data"]["nom"] != "Ancien":
            shown = json.loads(await line(process))
    assert (shown["subject"], shown["event"]) == ("crm.events.client.created", "client.created")


async def test_what_is_no_event_is_shown_as_such(crm: Command, mesh: Mesh) -> None:
    """A hostile message ends nothing."""
    async with tail(crm, mesh) as process:
        client = await nats.connect(mesh.broker.url)
        await client.jetstream().publish("crm.events.client.created", b"\xff\xff")
        await client.close()
        first = await line(process)
        await create(mesh, "Suivant")
        second = await line(process)
    assert first == "crm.events.client.created  2 bytes that are no client.created\n"
    assert "nom=Suivant" in second


async def test_nothing_is_left_out_when_the_broker_comes_back(crm: Command) -> None:
    """What was published while the tail was cut off is shown as well."""
    async with running(CLIENTS) as mesh, tail(crm, mesh) as process:
        await create(mesh, "Avant")
        shown = [await line(process)]
        mesh.broker.kill()
        await told(process, "the broker is away")
        await create(mesh, "Pendant")
        mesh.broker.start()
        await told(process, LISTENING)
        await create(mesh, "Après")
        shown += [await line(process), await line(process)]
    assert [text.split("nom=")[1].split()[0] for text in shown] == ["Avant", "Pendant", "Après"]


async def test_a_subject_that_no_stream_takes_is_named(crm: Command, mesh: Mesh) -> None:
    """Waiting for it would be waiting for ever."""
    command = crm.where(NATS_URL=mesh.broker.url)
    refused = await command("events", "tail", "--subject", "crm.nothing.>")
    assert (refused.code, refused.err.startswith("crm: no stream takes 'crm.nothing.>'")) == (1, True)


async def test_a_broker_that_is_away_gets_a_sentence(crm: Command) -> None:
    """No endless attempts at a wrong address."""
    refused = await crm.where(NATS_URL="nats://127.0.0.1:9")("events", "tail")
    assert (refused.code, refused.err) == (1, "crm: the broker at nats://127.0.0.1:9 does not answer\n")
