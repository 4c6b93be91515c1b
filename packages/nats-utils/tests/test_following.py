"""Following the bucket of revocations: its entries, new ones, and its loss."""

import asyncio
import shutil
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from crm.auth.auth_pb2 import Revocation
from nats.js.api import ConsumerInfo
from nats_utils import STREAMS, Bus, follow_revocations
from nats_utils.events import REVOCATIONS_STREAM
from service_kit.embedded import EmbeddedNats
from service_testing import eventually
from tests.observing import during

HEARTBEAT = 0.3  # seconds
SUBJECT = "$KV.CRM_REVOCATIONS.jti."
(BUCKET,) = [stream for stream in STREAMS if stream.name == REVOCATIONS_STREAM]


@dataclass
class Follower:
    """A follower of the bucket that counts entries and signs of life."""

    bus: Bus
    taken: list[str] = field(default_factory=list)
    signs: int = 0

    def follow(self) -> Awaitable[None]:
        """Begin, and return when it is over."""
        return follow_revocations(self.bus, self._take, self._followed, heartbeat=HEARTBEAT)

    async def begun(self) -> None:
        """Return when the bucket is followed."""
        signs = self.signs
        await eventually(lambda: self.signs > signs + 1)

    def _take(self, revocation: Revocation) -> None:
        self.taken.append(revocation.jti)

    def _followed(self) -> None:
        self.signs += 1


@pytest.fixture
def follower(bus: Bus) -> Follower:
    """A follower of the broker's bucket."""
    return Follower(bus)


async def put(bus: Bus, *names: str) -> None:
    """Put revocations of tokens into the bucket."""
    for name in names:
        await bus.js.publish(SUBJECT + name, Revocation(jti=name).SerializeToString())


async def consumer(bus: Bus) -> ConsumerInfo:
    """The only consumer of the bucket."""
    (found,) = await bus.js.consumers_info(REVOCATIONS_STREAM)
    return found


async def test_C5_what_the_bucket_holds_comes_first(bus: Bus, follower: Follower) -> None:
    """New entries follow, each once."""
    await put(bus, "a", "b", "a")
    async with during(follower.follow):
        await follower.begun()
        await put(bus, "c")
        await eventually(lambda: len(follower.taken) == 3)
    assert (sorted(follower.taken[:2]), follower.taken[2:]) == (["a", "b"], ["c"])


async def test_C5_a_large_bucket_is_read_to_its_end(bus: Bus, follower: Follower) -> None:
    """Flow control is answered: the broker goes on after its first two megabytes."""
    large = "u" * 10_000
    for name in map(str, range(400)):
        entry = Revocation(jti=name, utilisateur_id=large)
        await bus.client.publish(SUBJECT + name, entry.SerializeToString())
    async with during(follower.follow):
        await eventually(lambda: len(follower.taken) == 400)
    assert len(set(follower.taken)) == 400


async def test_C5_a_quiet_bucket_gives_signs_of_life(follower: Follower) -> None:
    """Heartbeats, for as long as it is followed."""
    async with during(follower.follow) as following:
        await eventually(lambda: follower.signs > 5)
        assert not following.done()


async def test_C5_a_deleted_consumer_is_noticed(bus: Bus, follower: Follower) -> None:
    """The broker does not announce it; there are only no more heartbeats."""
    async with during(follower.follow) as following:
        await follower.begun()
        await bus.js.delete_consumer(REVOCATIONS_STREAM, (await consumer(bus)).name)
        async with asyncio.timeout(5):
            await following


async def test_C5_an_entry_that_was_missed_is_noticed(bus: Bus, follower: Follower) -> None:
    """A heartbeat tells the number of entries sent."""
    async with during(follower.follow) as following:
        await follower.begun()
        inbox = (await consumer(bus)).config.deliver_subject
        assert inbox is not None
        await bus.client.publish(inbox, headers={"Status": "100", "Nats-Last-Consumer": "1"})
        async with asyncio.timeout(5):
            await following


@pytest.mark.parametrize("anew", [False, True])
async def test_C5_a_deleted_bucket_is_noticed(bus: Bus, follower: Follower, anew: bool) -> None:
    """Also when somebody else has made it again at once; the next time it is followed from its start."""
    await put(bus, "a")
    async with during(follower.follow) as following:
        await follower.begun()
        await bus.js.delete_stream(REVOCATIONS_STREAM)
        if anew:
            await bus.js.add_stream(BUCKET.config())
            await put(bus, "b")
        async with asyncio.timeout(5):
            await following
    await bus.declare_streams()
    async with during(follower.follow):
        await follower.begun()
        await put(bus, "c")
        await eventually(lambda: follower.taken[-1] == "c")
    assert follower.taken == ["a", *(["b"] if anew else []), "c"]


async def test_C5_a_missing_bucket_is_declared_again(bus: Bus, follower: Follower) -> None:
    """As a subscriber declares the stream of its consumer."""
    await bus.js.delete_stream(REVOCATIONS_STREAM)
    await follower.follow()
    assert follower.signs == 0
    assert (await bus.js.stream_info(REVOCATIONS_STREAM)).state.messages == 0


async def test_C5_a_bucket_restored_from_an_older_copy_is_followed_from_its_start(
    broker: EmbeddedNats, bus: Bus, follower: Follower, tmp_path: Path
) -> None:
    """Following ends with the connection, and begins again at the start of the older bucket."""
    await put(bus, "a")
    broker.stop()
    shutil.copytree(broker.store, tmp_path / "copy")
    await eventually(lambda: not bus.up)
    broker.start()
    await eventually(lambda: bus.up)
    async with during(follower.follow) as following:
        await follower.begun()
        await put(bus, "b")
        await eventually(lambda: follower.taken == ["a", "b"])
        broker.kill()
        async with asyncio.timeout(5):
            await following
    shutil.rmtree(broker.store)
    shutil.copytree(tmp_path / "copy", broker.store)
    broker.start()
    await eventually(lambda: bus.up)
    async with during(follower.follow):
        await eventually(lambda: follower.taken == ["a", "b", "a"])


async def test_C5_a_connection_that_is_not_there_is_no_error(follower: Follower) -> None:
    """Following ends at once, without an entry or a sign of life."""
    await follower.bus.close()
    await follower.follow()
    assert (follower.signs, follower.taken) == (0, [])


async def test_C5_an_entry_that_says_nothing_is_passed_over(
    bus: Bus, follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    """A deletion by hand, or bytes that are no revocation."""
    await bus.js.publish(SUBJECT + "a", b"", headers={"KV-Operation": "DEL"})
    await bus.js.publish(SUBJECT + "b", b"\xff")
    await put(bus, "c")
    async with during(follower.follow):
        await eventually(lambda: follower.taken)
    assert follower.taken == ["c"]
    assert f"an unreadable entry in the bucket of revocations: {SUBJECT}b" in caplog.messages
