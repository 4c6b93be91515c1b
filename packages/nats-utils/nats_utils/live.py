"""Words between the instances of one service, kept nowhere: no stream, no event.

Whoever is away misses them, so they may only hasten what an instance would find out by itself.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from functools import partial

from nats.aio.msg import Msg

from nats_utils.bus import BUS_ERRORS, Bus

_log = logging.getLogger(__name__)

PREFIX = "crm.live"
_RETRY = 0.5  # seconds
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_WRITTEN = re.compile(r"%([0-9A-F]{2})")

Hear = Callable[[str, bytes], None]


def live_subjects(service: str) -> str:
    """The bus subjects on which the instances of *service* talk."""
    return f"{PREFIX}.{service}.>"


class Live:
    """The words of the instances of *service* on *bus*; without a bus nobody hears them."""

    def __init__(self, bus: Bus | None = None, service: str = "") -> None:
        self._bus, self._service = bus, service
        self._sending: set[asyncio.Task[None]] = set()  # an event loop holds its tasks by weak references

    def say(self, topic: str, words: bytes) -> None:
        """Tell all instances that listen, this one too, *words* about *topic*; return at once, never fail.

        *topic* is ASCII text, such as an id. Without a broker the words are lost.
        """
        if self._bus is None or not self._bus.up:
            return
        subject = f"{PREFIX}.{self._service}.{_UNSAFE.sub(lambda sign: f'%{ord(sign[0]):02X}', topic)}"
        task = asyncio.create_task(_sent(self._bus, subject, words))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def listen(self, hear: Hear, listening: Callable[[], None]) -> None:
        """Hand topic and words of each message to *hear* until cancelled, through every loss of the broker.

        *listening* is called whenever that begins: what was said before was missed.
        """
        if self._bus is None:
            await asyncio.Event().wait()
            return
        while True:
            await self._bus.wait_up()
            try:
                await self._listen_once(self._bus, hear, listening)
            except BUS_ERRORS as error:
                _log.warning("instances of %s are not heard: %s", self._service, type(error).__name__)
            await asyncio.sleep(_RETRY)

    async def _listen_once(self, bus: Bus, hear: Hear, listening: Callable[[], None]) -> None:
        """Listen on the present connection until it is lost."""
        lost, client = asyncio.Event(), bus.client
        with bus.watched(lambda: None if bus.up else lost.set()):
            subscription = await client.subscribe(live_subjects(self._service), cb=partial(self._heard, hear))
            try:
                await client.flush()
                listening()
                await lost.wait()
            finally:
                with contextlib.suppress(*BUS_ERRORS):
                    await subscription.unsubscribe()

    async def _heard(self, hear: Hear, message: Msg) -> None:
        token = message.subject.removeprefix(f"{PREFIX}.{self._service}.")
        hear(_WRITTEN.sub(lambda sign: chr(int(sign[1], 16)), token), message.data)


async def _sent(bus: Bus, subject: str, words: bytes) -> None:
    try:
        await bus.client.publish(subject, words)
    except BUS_ERRORS as error:
        _log.debug("words on %s are lost: %s", subject, type(error).__name__)
