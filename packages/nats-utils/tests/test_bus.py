"""The connection is made again after every loss, and an unresponsive broker holds up nothing."""

import asyncio
import gc
import shutil

import pytest
from nats.errors import ConnectionClosedError, Error
from nats_utils import Bus, declared
from nats_utils.bus import connect_once
from service_kit.embedded import EmbeddedNats, free_port
from service_testing import eventually
from service_testing.freezing import frozen
from tests.observing import message_ids, open_bus


async def test_a_service_may_start_before_the_broker(broker: EmbeddedNats) -> None:
    """The connection is made as soon as there is somebody to connect to."""
    broker.stop()
    bus = Bus(broker.url, "test", declared())
    bus.start()
    with pytest.raises(ConnectionClosedError):
        _ = bus.js
    broker.start()
    await asyncio.wait_for(bus.wait_up(), 10)
    assert (await bus.js.stream_info("CRM_EVENTS")).state.messages == 0
    await bus.close()


async def test_a_restarted_broker_is_connected_again(broker: EmbeddedNats, bus: Bus) -> None:
    """Down is noticed at once, up again is another generation."""
    before = bus.generation
    broker.kill()
    await eventually(lambda: not bus.up)
    broker.start()
    await eventually(lambda: bus.up)
    assert bus.generation > before


async def test_a_broker_that_lost_its_store_gets_its_streams_again(broker: EmbeddedNats, bus: Bus) -> None:
    """Nobody needs to run a command."""
    broker.kill()
    await eventually(lambda: not bus.up)
    shutil.rmtree(broker.store)
    broker.start()
    await eventually(lambda: bus.up)
    assert (await bus.js.stream_info("CRM_EVENTS")).state.messages == 0


async def test_a_stream_declared_again_is_another_generation(bus: Bus) -> None:
    """Watchers learn that the broker may have lost messages."""
    before, told = bus.generation, asyncio.Event()
    await bus.js.delete_stream("CRM_EVENTS")
    with bus.watched(told.set):
        await bus.declare_streams()
    assert told.is_set()
    assert bus.generation > before


async def test_a_silent_broker_is_given_up(broker: EmbeddedNats) -> None:
    """A frozen process and a dead network look the same: no answer."""
    async with open_bus(broker.url, declared(), silence=0.6) as bus:
        with frozen(broker.pid):
            await eventually(lambda: not bus.up)
        await eventually(lambda: bus.up)


async def test_a_connection_that_ends_while_streams_are_declared_is_made_again() -> None:
    """The answers that cannot come any more are not waited for."""
    connections, again = 0, asyncio.Event()

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b'INFO {"max_payload": 1048576, "headers": true}\r\n')
        await reader.readuntil(b"PING\r\n")
        writer.write(b"PONG\r\n")
        await reader.readuntil(b"STREAM.INFO")
        if connections > 1:
            again.set()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    bus = Bus(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}", "test", declared())
    bus.start()
    try:
        async with asyncio.timeout(4):  # nats-py would wait for an answer for five seconds
            await again.wait()
    finally:
        await bus.close()
        server.close()


async def test_closing_does_not_wait_for_a_frozen_broker(broker: EmbeddedNats) -> None:
    """A stop comes to its end with megabytes on their way to a broker that takes nothing."""
    async with open_bus(broker.url, declared()) as bus:
        with frozen(broker.pid):
            for _ in range(30):
                await bus.client.publish("crm.events.client.created", b"x" * 1_000_000)
            await asyncio.wait_for(bus.close(), 30)


# Closing towards a broker that takes nothing is given up after a while: nats-py leaves its writer open then.
@pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <function StreamWriter")
async def test_what_one_connection_had_buffered_never_reaches_the_next(broker: EmbeddedNats) -> None:
    """Messages that were unknown when the connection broke are not sent late, past others."""
    async with open_bus(broker.url, declared(), silence=0.6) as bus:
        with frozen(broker.pid):
            for number in range(30):
                await bus.client.publish(
                    "crm.events.client.created", b"x" * 1_000_000, headers={"Nats-Msg-Id": str(number)}
                )
            await eventually(lambda: not bus.up)
            broker.kill()
        broker.start()
        await eventually(lambda: bus.up)
        await bus.js.publish("crm.events.client.created", b"", headers={"Nats-Msg-Id": "next"})
        assert (await message_ids(bus.js))[-1] == "next"
        assert len(await message_ids(bus.js)) < 30
    gc.collect()  # what is left of the first connection ends here, not in a later test


async def test_a_command_does_not_wait_for_a_broker_that_is_away() -> None:
    """A connection for once is made or refused within seconds."""
    with pytest.raises(Error):
        await asyncio.wait_for(connect_once(f"nats://127.0.0.1:{free_port()}", "test"), 10)


class Broker:
    """A broker that notes the order of the commands it gets, and answers PING alone."""

    def __init__(self) -> None:
        self.commands: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        writer.write(b'INFO {"max_payload": 1000, "headers": true}\r\n')
        while line := await reader.readline():
            command = line.split()[0].decode()
            self.commands.append(command)
            if command == "PING":
                writer.write(b"PONG\r\n")
        writer.close()


async def test_what_was_sent_before_a_flush_has_arrived_after_it() -> None:
    """So has the end of a subscription that is drained; a PING in front of it would prove nothing."""
    broker = Broker()
    async with await asyncio.start_server(broker.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = await connect_once(f"nats://127.0.0.1:{port}", "test")
        subscription = await client.subscribe("sujet")
        await client.flush()
        assert broker.commands.index("SUB") < len(broker.commands) - 1
        assert broker.commands[-1] == "PING"
        await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py
        assert broker.commands.index("UNSUB") < len(broker.commands) - 1
        assert broker.commands[-1] == "PING"
        await client.close()
