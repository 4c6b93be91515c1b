"""RevocationWatch: whom it hears while the bucket, auth or both are away, and whether it is in step.

Followed here on a real broker; `tests/conformance` sees it in every process.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import nats
import pytest
from crm.auth.auth_pb2 import ListRevokedRequest, ListRevokedResponse, Revocation
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import Identity, Revocations
from grpc_utils.errors import DependanceIndisponible
from nats_utils import Bus, Stream, declared, end
from nats_utils.events import REVOCATIONS_STREAM
from prometheus_client import REGISTRY
from service_kit.embedded import EmbeddedNats
from service_kit.revocations import RevocationWatch
from service_testing import eventually, fresh_nats
from service_testing.seconds import Seconds

NOW = 1_800_000_000
BEHIND = "crm_revocations_behind_seconds"
SUBJECT = "$KV.CRM_REVOCATIONS.jti."
STREAMS = declared()
WITHOUT_BUCKET = tuple(stream for stream in STREAMS if stream.name != REVOCATIONS_STREAM)


class Auth:
    """What auth says when it is asked: *pages* of revoked tokens, unless it is *away*."""

    def __init__(self) -> None:
        self.pages: list[list[str]] = [[]]
        self.away = False
        self.questions: list[tuple[int, str]] = []

    async def list_revoked(self, request: ListRevokedRequest) -> ListRevokedResponse:
        """A page, as the service gives it."""
        page = request.pagination.page_token
        self.questions.append((request.depuis.seconds, page))
        if self.away:
            raise DependanceIndisponible
        number = int(page or 0)
        now = Timestamp(seconds=NOW + number)
        answer = ListRevokedResponse(maintenant=now, revocations=map(revoked, self.pages[number]))
        answer.pagination.next_page_token = str(number + 1) if number + 1 < len(self.pages) else ""
        return answer


class Process:
    """A process as far as revocations go."""

    def __init__(self, bus: Bus, auth: Auth | None) -> None:
        self.seconds, self._revocations = Seconds(), Revocations("crm-auth")
        ask = auth.list_revoked if auth is not None else None
        self.watch = RevocationWatch("essai", self._revocations, bus, ask, now=self.seconds)

    async def in_step(self) -> None:
        """Return when it is in step once more: the bucket is followed, or auth was heard."""
        self.seconds.passed += 1
        await eventually(lambda: self.watch.behind() == 0)

    def refuses(self, *tokens: str) -> bool:
        """Whether it refuses all of *tokens*."""
        return all(self._revocations.concern(bearer(token)) for token in tokens)


def revoked(token: str) -> Revocation:
    """That *token* is revoked, for longer than the tests take."""
    return Revocation(jti=token, expire_le=Timestamp(seconds=NOW * 2))


def bearer(token: str) -> Identity:
    """Somebody who shows *token*."""
    return Identity(kind="user", subject="user-1", token_id=token)


@pytest.fixture
def broker() -> Iterator[EmbeddedNats]:
    """A broker without any stream."""
    with fresh_nats() as broker:
        yield broker


@pytest.fixture
def auth() -> Auth:
    """Auth, which has revoked nothing."""
    return Auth()


@asynccontextmanager
async def watching(
    broker: EmbeddedNats, auth: Auth | None, streams: tuple[Stream, ...] = STREAMS
) -> AsyncIterator[Process]:
    """A process at work that may declare *streams* on the broker."""
    bus = Bus(broker.url, "essai", streams)
    process = Process(bus, auth)
    watching = asyncio.create_task(process.watch.run())
    bus.start()
    try:
        yield process
    finally:
        await end(watching)
        await bus.close()


async def put(broker: EmbeddedNats, token: str) -> None:
    """Put the revocation of *token* into the bucket, as the relay does."""
    client = await nats.connect(broker.url)
    await client.jetstream().publish(SUBJECT + token, revoked(token).SerializeToString())
    await client.close()


async def test_C5_auth_is_asked_while_nobody_makes_the_bucket(broker: EmbeddedNats, auth: Auth) -> None:
    """Everything in force, page by page; then what is new, with room for late commits."""
    auth.pages = [["a"], ["b"]]
    async with watching(broker, auth, WITHOUT_BUCKET) as process:
        await eventually(lambda: process.refuses("a", "b"))
        auth.pages = [["c"]]
        await eventually(lambda: process.refuses("c"))
        assert process.refuses("a", "b")
    assert auth.questions[0] == (0, "")
    assert auth.questions[-1] == (NOW - 30, "")


async def test_C17_with_both_away_the_list_stays_and_the_process_says_so(
    broker: EmbeddedNats, auth: Auth
) -> None:
    """After five seconds, until auth is heard again."""
    auth.pages = [["a"]]
    async with watching(broker, auth, WITHOUT_BUCKET) as process:
        await eventually(lambda: process.refuses("a"))
        auth.away, asked = True, len(auth.questions)
        await eventually(lambda: len(auth.questions) > asked)
        states = []
        for process.seconds.passed in (5.0, 5.1):
            states.append((process.watch.in_step(), REGISTRY.get_sample_value(BEHIND, {"service": "essai"})))
        assert (states, process.refuses("a")) == ([(True, 5.0), (False, 5.1)], True)
        auth.away = False
        await eventually(process.watch.in_step)


async def test_C5_who_asks_nobody_follows_the_bucket(broker: EmbeddedNats) -> None:
    """What it holds, and what comes."""
    async with watching(broker, None) as process:
        await process.in_step()
        await put(broker, "alone")
        await eventually(lambda: process.refuses("alone"))


async def test_C5_auth_is_asked_until_it_has_told_everything(broker: EmbeddedNats, auth: Auth) -> None:
    """A bucket made anew holds less than what is in force; who follows it and has heard auth is content."""
    auth.away = True
    async with watching(broker, auth) as process:
        await process.in_step()
        auth.away, auth.pages = False, [["old"]]
        await eventually(lambda: process.refuses("old"))
        assert {depuis for depuis, _ in auth.questions} == {0}


async def test_C5_everything_is_asked_again_when_the_broker_comes_back(
    broker: EmbeddedNats, auth: Auth
) -> None:
    """It may have another memory; and when it goes, for the same reason."""
    async with watching(broker, auth) as process:
        await eventually(lambda: auth.questions)
        await process.in_step()
        for change in (broker.kill, broker.start):
            auth.questions.clear()
            change()
            await eventually(lambda: (0, "") in auth.questions)
        await put(broker, "later")
        await eventually(lambda: process.refuses("later"))
