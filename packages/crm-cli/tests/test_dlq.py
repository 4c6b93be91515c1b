"""`crm dlq` against a mesh whose one consumer gives messages up."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from crm_cli.dead_letters import parse_ids
from crm_cli.home import CommandError
from db_utils import Database, Transaction
from nats_utils import InvalidEvent, Subscription
from nats_utils.tables import DeadLetter
from service_clients.service import SERVICE as CLIENTS
from service_kit.registry import UnknownService
from service_testing import Mesh, eventually, running
from service_testing.command import Command
from sqlalchemy import select


class Ward:
    """A consumer of client.created that refuses every event as long as it is ill."""

    def __init__(self) -> None:
        self.ill = True
        self.treated: list[str] = []

    async def treat(self, event: ClientCreatedEvent, tx: Transaction) -> None:
        """Handle an event."""
        if self.ill:
            raise InvalidEvent("the handler is ill")
        self.treated.append(event.client_id)


@dataclass(frozen=True)
class Hospital:
    """A mesh with a ward, and the command that looks after it."""

    mesh: Mesh
    ward: Ward
    crm: Command

    async def dead_letters(self, count: int) -> list[str]:
        """Create clients whose events the ward gives up; the ids of the clients."""
        clients = self.mesh.stub(ClientBaseServiceStub)
        created = [
            (await clients.Create(pb.CreateClientBaseRequest(nom=f"Patient {number}"))).id
            for number in range(count)
        ]
        database = self.mesh.database("clients")
        await eventually(lambda: _has_rows(database, count))
        return created


async def _has_rows(database: Database, count: int) -> bool:
    return len(await database.read().all(select(DeadLetter))) == count


@pytest.fixture
async def hospital(crm: Command) -> AsyncIterator[Hospital]:
    """The clients service with a consumer of its own events, which it refuses at first."""
    ward = Ward()
    service = replace(CLIENTS, subscriptions=(Subscription(ClientCreatedEvent, ward.treat),))
    async with running(service) as mesh:
        url = mesh["clients"].settings.database_url.get_secret_value()
        yield Hospital(mesh, ward, crm.where(DATABASE_URL=url))


async def test_list_names_each_letter_with_its_reason(hospital: Hospital) -> None:
    """One line per dead letter: id, event, attempts, status and reason."""
    await hospital.dead_letters(2)
    listed = await hospital.crm("dlq", "list")
    lines = listed.out.splitlines()[1:]
    assert [line.split()[:2] for line in lines] == [
        ["clients/1", "client.created"],
        ["clients/2", "client.created"],
    ]
    assert all(line.endswith("1         dead    InvalidEvent: the handler is ill") for line in lines)


async def test_show_prints_the_content_of_a_letter(hospital: Hospital) -> None:
    """The event is decoded, so that a person sees whom it is about."""
    (client,) = await hospital.dead_letters(1)
    shown = await hospital.crm("dlq", "show", "clients/1")
    facts = dict(line.split(maxsplit=1) for line in shown.out.splitlines())
    assert (facts["status"], json.loads(facts["content"])["clientId"]) == ("dead", client)


async def test_replay_heals_after_a_fix(hospital: Hospital) -> None:
    """Each letter is handled once more, and only once."""
    clients = await hospital.dead_letters(2)
    hospital.ward.ill = False
    replayed = await hospital.crm("dlq", "replay", "--service", "clients")
    again = await hospital.crm("dlq", "replay", "clients/1")
    assert (replayed.code, sorted(replayed.out.splitlines())) == (
        0,
        ["clients/1 replayed", "clients/2 replayed"],
    )
    assert (again.code, again.out) == (1, "clients/1 is replayed, left alone\n")
    assert sorted(hospital.ward.treated) == sorted(clients)


async def test_replay_tells_what_fails_again(hospital: Hospital) -> None:
    """A letter that fails again stays dead, with the new reason, and the exit code says so."""
    await hospital.dead_letters(1)
    replayed = await hospital.crm("dlq", "replay", "--all")
    assert (replayed.code, replayed.out) == (
        1,
        "clients/1 failed again: InvalidEvent: the handler is ill\n",
    )
    assert "2         dead" in (await hospital.crm("dlq", "list", "clients")).out


async def test_replay_does_not_wait_for_ever_for_a_service_that_is_away(hospital: Hospital) -> None:
    """The letter stays marked for when the service runs, and the command says so."""
    await hospital.dead_letters(1)
    await hospital.mesh["clients"].stop()
    replayed = await hospital.crm("dlq", "replay", "clients/1", "--wait", "0.5")
    assert (replayed.code, replayed.out.startswith("clients/1 waits: nobody has replayed it")) == (1, True)
    assert "replaying" in (await hospital.crm("dlq", "list")).out


async def test_dropped_letters_are_gone_from_the_list(hospital: Hospital) -> None:
    """They are kept and shown with --all, and are not replayed any more."""
    await hospital.dead_letters(2)
    dropped = await hospital.crm("dlq", "drop", "clients/1", "clients/2")
    assert (dropped.code, dropped.out) == (0, "clients/1 dropped\nclients/2 dropped\n")
    assert (await hospital.crm("dlq", "list")).out == "no dead letters\n"
    assert (await hospital.crm("dlq", "list", "--all")).out.count("dropped") == 2
    assert (await hospital.crm("dlq", "replay", "clients/1")).out == "clients/1 is dropped, left alone\n"


@pytest.mark.parametrize(
    ("options", "answer", "refusal"),
    [
        (("--all",), b"y\n", ""),
        (("--service", "clients"), b"y\n", ""),
        (("--all", "--yes"), b"", ""),
        (("--all",), b"n\n", "crm: nothing is dropped\n"),
        (("--all",), b"", "crm: there was no answer and nothing is dropped: add --yes\n"),
    ],
)
async def test_many_letters_are_dropped_after_a_yes(
    hospital: Hospital, options: tuple[str, ...], answer: bytes, refusal: str
) -> None:
    """Their number is told before; another answer, or none, leaves them where they are."""
    await hospital.dead_letters(2)
    told = await hospital.crm("dlq", "drop", *options, stdin=answer)
    asked = "Drop 2 dead letters (clients 2) for good? [y/N]: " in told.out
    assert (told.code, told.err, asked) == (1 if refusal else 0, refusal, "--yes" not in options)
    listed = await hospital.crm("dlq", "list", "--all")
    assert (told.out.count("dropped"), listed.out.count("dropped")) == ((0, 0) if refusal else (2, 2))


async def test_an_unknown_letter_is_named(hospital: Hospital) -> None:
    """A number that does not exist is told, and nothing else happens."""
    replayed = await hospital.crm("dlq", "replay", "clients/4711")
    shown = await hospital.crm("dlq", "show", "clients/4711")
    assert (replayed.code, replayed.out) == (1, "clients/4711 does not exist, left alone\n")
    assert (shown.code, shown.err.startswith("crm: there is no dead letter clients/4711")) == (1, True)


@pytest.mark.parametrize("verb", ["show", "replay", "drop"])
async def test_a_nonsense_id_gets_a_sentence(crm: Command, verb: str) -> None:
    """One line on standard error, exit code 1, nothing connected."""
    refused = await crm.where(DATABASE_URL="host=/nowhere")("dlq", verb, "clients/x")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == (
        "crm: 'clients/x' is no id of a dead letter: they look like email/12, see `crm dlq list`\n"
    )


@pytest.mark.parametrize(
    "nonsense",
    ["", "12", "clients", "clients/", "clients/1/2", "/1", "clients/-1", "é/١", "clients/" + 19 * "9"],
)
def test_only_service_and_number_are_an_id(nonsense: str) -> None:
    """Everything else is refused before a database is asked."""
    with pytest.raises(CommandError):
        parse_ids([nonsense])


def test_the_service_of_an_id_must_exist() -> None:
    """The refusal lists the services that do."""
    with pytest.raises(UnknownService, match="clients"):
        parse_ids(["nobody/1"])


@pytest.mark.parametrize("arguments", [["clients/1", "--all"], [], ["--service", "clients", "--all"]])
@pytest.mark.parametrize("verb", ["replay", "drop"])
async def test_letters_are_named_in_one_way(crm: Command, verb: str, arguments: list[str]) -> None:
    """Ids, one service or everything, and never two of them."""
    refused = await crm("dlq", verb, *arguments)
    assert (refused.code, refused.err.startswith("crm: name letters")) == (1, True)
