"""Client streams with `idempotency-key` metadata: one effect, however often they are sent (C21)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from db_utils import Database, SerializationConflict
from grpc_utils import Context, Idempotency
from grpc_utils.idempotency import IdempotencyKey
from service_clients.models import StatutClient
from service_testing import fresh_database, refusal
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
    """A server that stores a row for each stream and answers its texts with the number of rows."""

    async def store(requests: AsyncIterator[Any], _: Context) -> Any:
        texts = [request.text async for request in requests]
        async with database.transaction() as tx:
            await tx.insert(StatutClient(organisation_id="org-123", code="-".join(texts), nom="x"))
        return Echo(text="+".join(texts))

    async with echoing(idempotency=Idempotency(database), Collect=store) as echo:
        yield echo


async def rows(database: Database) -> int:
    """How often a handler has had its effect."""
    count = select(func.count()).select_from(StatutClient).where(StatutClient.organisation_id == "org-123")
    return await database.read().one(count) or 0


async def test_C21_the_same_stream_again_gets_the_same_answer(echo: EchoServer, database: Database) -> None:
    """The handler has its effect once."""
    texts = [(await echo.collect("a", "b", metadata=KEY)).text for _ in range(3)]
    assert (texts, await rows(database)) == (["a+b"] * 3, 1)


@pytest.mark.parametrize("other", [("a", "c"), ("a", "b", "b"), ("a",), ("c", "b")])
async def test_C21_another_stream_under_the_same_key_is_refused(
    echo: EchoServer, database: Database, other: tuple[str, ...]
) -> None:
    """Whichever of its messages differs, is missing or is too many."""
    await echo.collect("a", "b", metadata=KEY)
    told = await refusal(echo.collect(*other, metadata=KEY))
    assert (told.code, told.reason) == (grpc.StatusCode.ALREADY_EXISTS, "CLE_IDEMPOTENCE_REUTILISEE")
    assert await rows(database) == 1


async def test_C21_of_streams_at_once_one_has_its_effect(echo: EchoServer, database: Database) -> None:
    """The others get its answer."""
    answers = await asyncio.gather(*(echo.collect("a", "b", metadata=KEY) for _ in range(5)))
    assert ({answer.text for answer in answers}, await rows(database)) == ({"a+b"}, 1)


async def test_C21_a_stream_without_a_key_has_its_effect_each_time(echo: EchoServer) -> None:
    """Its second row is in conflict with the first one, which is told."""
    await echo.collect("a")
    assert (await refusal(echo.collect("a"))).reason == "EXISTE_DEJA"


async def test_C21_a_conflict_of_the_handler_itself_is_told(echo: EchoServer, database: Database) -> None:
    """Nothing is stored under the key, so the next call with it has its effect."""
    await echo.collect("a")
    assert (await refusal(echo.collect("a", metadata=KEY))).reason == "EXISTE_DEJA"
    assert (await echo.collect("b", metadata=KEY)).text == "b"


async def test_C21_the_end_of_a_stream_counts_though_the_handler_did_not_read_it(database: Database) -> None:
    """A handler may answer before the end; the key is bound to all that was sent."""

    async def first(requests: AsyncIterator[Any], _: Context) -> Any:
        return Echo(text=(await anext(requests)).text)

    async with echoing(idempotency=Idempotency(database), Collect=first) as echo:
        assert (await echo.collect("a", "b", metadata=KEY)).text == "a"
        assert (await refusal(echo.collect("a", "c", metadata=KEY))).reason == "CLE_IDEMPOTENCE_REUTILISEE"


async def test_C21_a_stream_that_failed_is_free_to_come_again(database: Database) -> None:
    """Nothing is stored with a refusal."""
    failures = [SerializationConflict()]

    async def fail_once(requests: AsyncIterator[Any], _: Context) -> Any:
        async for _request in requests:
            pass
        if failures:
            raise failures.pop()
        return Echo(text="done")

    async with echoing(idempotency=Idempotency(database), Collect=fail_once) as echo:
        assert (await refusal(echo.collect("a", metadata=KEY))).reason == "CONFLIT_D_ECRITURE"
        assert (await echo.collect("a", metadata=KEY)).text == "done"
        assert await database.read().one(select(func.count()).select_from(IdempotencyKey)) == 1
