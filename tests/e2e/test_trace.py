"""A trace of one Create: by gRPC, the outbox and the bus to its four subscribers, and to the mail."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from service_testing.collector import Collector, SeenSpan, collecting
from service_testing.command import Command, Up, up

from tests.e2e.shell import Shell

CREATE = "clients.ClientBaseService/Create"
BODY = '{"nom":"Martin","prenom":"Jeanne","email":"jeanne@exemple.fr","organisationId":"org-123"}'
PUBLISHED, HANDLED = "publish crm.events.client.created", "process crm.events.client.created"
SUBSCRIBERS = ("dashboard", "email", "notifications", "relance")
MAILED = "job delivery"
ASKED = "calendar.CalendarEngineService/CheckDateEligibility"  # by relance, before its handler


@pytest.fixture
async def file_collector(tmp_path: Path) -> AsyncIterator[Collector]:
    """A collector that writes to a file."""
    async with collecting(tmp_path / "traces.jsonl") as collector:
        yield collector


@pytest.fixture
async def traced(crm: Command, tmp_path: Path, file_collector: Collector) -> AsyncIterator[Up]:
    """The services that a Create concerns, told where their spans go."""
    told = crm.where(
        OTEL_EXPORTER_OTLP_ENDPOINT=file_collector.url,
        OTEL_BSP_SCHEDULE_DELAY="100",  # milliseconds until spans are sent
        MAIL_FOLDER=str(tmp_path / "mails"),
    )
    async with up(told, "clients", "calendar", *SUBSCRIBERS) as running:
        yield running


async def created(mesh: Up, path: str) -> None:
    """A client is created as a person does it."""
    bearer = f"authorization: Bearer {(await mesh.crm('token')).out.strip()}"
    code, told = await Shell(mesh, path).grpcurl("clients", CREATE, "-H", bearer, "-d", BODY)
    assert code == 0, told


def is_whole(spans: list[SeenSpan]) -> bool:
    """Whether all of the trace has arrived."""
    names = Counter(one.name for one in spans)
    return (names[HANDLED], names[MAILED], names[ASKED]) == (len(SUBSCRIBERS), 1, 2)


async def test_one_create_is_one_trace(
    traced: Up, clients_path: str, file_collector: Collector, tmp_path: Path
) -> None:
    """The call, its event below it, below that one handler per subscriber, below email's the mail."""
    await created(traced, clients_path)
    spans = await file_collector.trace_of(CREATE, enough=is_whole)
    (call,) = [one for one in spans if one.name == CREATE]
    (event,) = [one for one in spans if one.name == PUBLISHED]
    handlers = {one.service: one for one in spans if one.name == HANDLED}
    (mailed,) = [one for one in spans if one.name == MAILED]
    assert (call.service, call.kind, event.service, event.kind) == (
        "clients",
        "server",
        "clients",
        "producer",
    )
    assert event.parent == call.id
    assert {name: (one.kind, one.parent) for name, one in handlers.items()} == dict.fromkeys(
        SUBSCRIBERS, ("consumer", event.id)
    )
    assert (mailed.service, mailed.parent) == ("email", handlers["email"].id)
    assert "Jeanne" in "".join(mail.read_text() for mail in (tmp_path / "mails").iterdir())


async def test_a_call_of_a_handlers_look_up_is_in_the_trace(
    traced: Up, clients_path: str, file_collector: Collector
) -> None:
    """What relance asks calendar is a span of relance, and below it one of calendar."""
    await created(traced, clients_path)
    spans = await file_collector.trace_of(CREATE, enough=is_whole)
    asked = {one.kind: one for one in spans if one.name == ASKED}
    looks = {one.service: one for one in spans if one.name == HANDLED.replace("process", "look up")}
    assert (asked["client"].service, asked["client"].parent) == ("relance", looks["relance"].id)
    assert (asked["server"].service, asked["server"].parent) == ("calendar", asked["client"].id)


async def test_a_trace_names_nobody(traced: Up, clients_path: str, file_collector: Collector) -> None:
    """No name, no address, no user and no token is in what was exported."""
    await created(traced, clients_path)
    await file_collector.trace_of(CREATE, enough=is_whole)
    exported = file_collector.file.read_text().lower()
    assert [word for word in ("martin", "jeanne", "@", "demo", "bearer", "eyj") if word in exported] == []


async def test_what_was_not_sent_yet_is_sent_at_a_stop(
    crm: Command, clients_path: str, file_collector: Collector
) -> None:
    """A process that ends in order loses no span."""
    told = crm.where(OTEL_EXPORTER_OTLP_ENDPOINT=file_collector.url, OTEL_BSP_SCHEDULE_DELAY="600000")
    async with up(told, "clients") as running:
        await created(running, clients_path)
        assert file_collector.spans() == []
    assert {CREATE, PUBLISHED} <= {one.name for one in file_collector.spans()}
