"""Calls with `idempotency-key` metadata: one effect, however often they are sent (C21)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from db_utils import Database, SerializationConflict, clock, purge
from grpc_utils import Context, Idempotency
from grpc_utils.idempotency import RETENTION, IdempotencyKey
from service_clients.models import ClientBase
from service_clients.service import SERVICE
from service_testing import Mesh, eventually, fresh_database, refusal, running
from service_testing.echo import Echo, EchoServer, echoing
from sqlalchemy import func, select

KEY = [("idempotency-key", "key-1")]


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    """The schema of the clients service, empty."""
    database = Database(fresh_database(), "clients")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def echo(database: Database) -> AsyncIterator[EchoServer]:
    """A server whose handlers count their runs: every run answers the next number."""
    runs = 0

    async def count(request: Any, context: Context) -> Any:
        nonlocal runs
        runs += 1
        return Echo(text=f"{request.text}{runs}", organisation_id=request.organisation_id)

    async with echoing(idempotency=Idempotency(database), Write=count, Repeat=count, Read=count) as echo:
        yield echo


async def test_the_same_call_again_gets_the_same_answer(echo: EchoServer) -> None:
    """The handler runs once, however often the call is sent."""
    texts = [(await echo.call("Write", "a", metadata=KEY)).text for _ in range(3)]
    assert texts == ["a1"] * 3


async def test_C21_another_content_under_the_same_key_is_refused(echo: EchoServer) -> None:
    """CLE_IDEMPOTENCE_REUTILISEE keeps the stored answer from a request that did not ask for it."""
    await echo.call("Write", "a", metadata=KEY)
    told = await refusal(echo.call("Write", "b", metadata=KEY))
    assert (told.code, told.reason) == (grpc.StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")


async def test_C21_contents_are_compared_as_handlers_get_them(echo: EchoServer) -> None:
    """Texts are cleaned (C10) and the organisation filled in (C6) before contents are compared."""
    caller = echo.user(organisation="org-1")
    first = await echo.call("Write", "é", metadata=KEY, caller=caller)
    again = await echo.call("Write", " e\u0301", metadata=KEY, caller=caller, organisation_id="org-1")
    assert (first.text, again.text) == ("é1", "é1")


async def test_C21_of_several_keys_the_first_counts(echo: EchoServer) -> None:
    """A second value of the same name neither is a key nor changes the first."""
    both = [*KEY, ("idempotency-key", "key-2")]
    calls = (both, KEY, both[1:])
    assert [(await echo.call("Write", metadata=metadata)).text for metadata in calls] == ["1", "1", "2"]


async def test_a_key_belongs_to_one_caller(echo: EchoServer) -> None:
    """Two users and a service with one key each run the handler: a guessed key reads no other's answer."""
    callers = [echo.user(user="user-1"), echo.user(user="user-2"), echo.service()]
    texts = [(await echo.call("Write", metadata=KEY, caller=who)).text for who in callers]
    assert texts == ["1", "2", "3"]


async def test_a_key_belongs_to_one_method(echo: EchoServer) -> None:
    """The same key on another method runs its handler."""
    assert [(await echo.call(name, metadata=KEY)).text for name in ("Write", "Repeat")] == ["1", "2"]


async def test_C6_a_key_belongs_to_one_organisation(echo: EchoServer) -> None:
    """A user of two organisations is refused a key in the one that was used in the other."""
    await echo.call("Write", metadata=KEY, caller=echo.user(organisation="org-1"))
    told = await refusal(echo.call("Write", metadata=KEY, caller=echo.user(organisation="org-2")))
    assert told.reason == "CLE_IDEMPOTENCE_REUTILISEE"


async def test_a_key_means_nothing_to_a_read(echo: EchoServer) -> None:
    """A method without side effects runs each time."""
    assert [(await echo.call("Read", metadata=KEY)).text for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize("key", ["", "k" * 129], ids=["empty", "long"])
async def test_an_empty_or_long_key_is_refused(echo: EchoServer, key: str) -> None:
    """A key has 1 to 128 printable characters; FORMAT_INVALIDE names the metadata."""
    told = await refusal(echo.call("Write", metadata=[("idempotency-key", key)]))
    assert (told.reason, told.fields) == ("FORMAT_INVALIDE", ("idempotency-key",))


async def test_a_failed_call_may_be_sent_again(database: Database) -> None:
    """Only answers are stored: after a failure the same key runs the handler again."""
    failures = [ValueError("first"), None]

    async def fail_once(request: Any, context: Context) -> Any:
        if failure := failures.pop(0):
            raise failure
        return request

    async with echoing(idempotency=Idempotency(database), Write=fail_once) as echo:
        assert (await refusal(echo.call("Write", "a", metadata=KEY))).reason == "ERREUR_INTERNE"
        assert (await echo.call("Write", "a", metadata=KEY)).text == "a"


async def test_C12_a_conflict_of_transactions_runs_the_whole_call_again(database: Database) -> None:
    """Each of three attempts has a transaction of its own, and the caller sees the last one's answer."""
    runs = []

    async def collide(request: Any, context: Context) -> Any:
        async with database.transaction() as tx:
            runs.append(await tx.one(select(func.pg_current_xact_id().label("id"))))
            if len(runs) < 3:
                raise SerializationConflict("deadlock detected")
        return request

    async with echoing(idempotency=Idempotency(database), Write=collide) as echo:
        assert (await echo.call("Write", "a", metadata=KEY)).text == "a"
    assert (len(runs), len(set(runs))) == (3, 3)


async def test_keys_are_forgotten_after_a_day(database: Database) -> None:
    """The purge deletes a key of 25 hours and keeps one of 23."""
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    async with database.transaction() as tx:
        for name, age in (("old", 25), ("young", 23)):
            await tx.insert(
                IdempotencyKey(
                    method="/a/B",
                    caller="user-1",
                    key=name,
                    request_hash=b"",
                    response=b"",
                    created_at=noon - timedelta(hours=age),
                )
            )
    with clock.frozen_at(noon):
        assert await purge(database, RETENTION) == 1
    assert [key.key for key in await database.read().all(select(IdempotencyKey))] == ["young"]


@pytest.fixture(scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """The clients service, whose clients are an effect that can be counted."""
    async with running(SERVICE) as mesh:
        yield mesh


async def clients_named(mesh: Mesh, nom: str) -> int:
    """How many clients are named *nom*."""
    found = (
        await mesh.database("clients")
        .read()
        .one(select(func.count()).select_from(ClientBase).where(ClientBase.nom == nom))
    )
    return found or 0


async def test_twenty_calls_at_once_with_one_key_have_one_effect(mesh: Mesh) -> None:
    """All twenty are answered with the one client that was made."""
    stub, request = mesh.stub(ClientBaseServiceStub), pb.CreateClientBaseRequest(nom="Parallele")
    clients = await asyncio.gather(*(stub.Create(request, metadata=KEY) for _ in range(20)))
    assert len({client.id for client in clients}) == 1
    assert await clients_named(mesh, "Parallele") == 1


async def test_a_call_given_up_during_its_commit_is_done_once(mesh: Mesh) -> None:
    """Calls cancelled at thirty different points, then sent again under the same key, make one client."""
    stub, request = mesh.stub(ClientBaseServiceStub), pb.CreateClientBaseRequest(nom="Impatient")
    key = [("idempotency-key", "key-2")]
    for number in range(30):
        call = stub.Create(request, metadata=key)
        for _ in range(number % 10):
            await asyncio.sleep(0)
        call.cancel()
    client = await stub.Create(request, metadata=key)
    assert (await stub.Create(request, metadata=key)).id == client.id

    async def is_quiet() -> bool:
        return await clients_named(mesh, "Impatient") == 1

    await eventually(is_quiet)
