"""Publishing a window of messages and learning which of them the broker has stored.

nats-py's own asynchronous publishing has futures that never time out and permits that
leak when it raises; here a window has one deadline and leaves nothing behind.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nats.aio.msg import Msg

from nats_utils.bus import BUS_ERRORS, Bus

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for the bus."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]


class Publisher:
    """Publishes on the connection of *bus*, with one inbox for all confirmations."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._inbox = ""
        self._window = _Window(0, 0)

    async def publish(self, messages: Sequence[Outgoing], timeout: float) -> dict[int, int]:
        """Publish *messages*; the stream sequence of each one that was confirmed, by position.

        Gives up after *timeout* seconds or when the connection is lost. A missing position
        means unknown: publish it again under the same message id.
        """
        await self._listen()
        window = self._window = _Window(self._window.number + 1, len(messages))
        with self._bus.watched(window.done.set):
            try:
                for position, message in enumerate(messages):
                    await self._bus.client.publish(
                        message.subject,
                        message.payload,
                        reply=f"{self._inbox}.{window.number}.{position}",
                        headers=dict(message.headers),
                    )
                async with asyncio.timeout(timeout):
                    await window.done.wait()
            except BUS_ERRORS as error:
                _log.warning("a window was interrupted: %s", type(error).__name__)
        if window.refusals:
            _log.warning("the broker refused messages: %s", next(iter(window.refusals.values())))
            await self._bus.declare_streams()
        return window.sequences

    async def _listen(self) -> None:
        if not self._inbox:
            self._inbox = self._bus.client.new_inbox()
            await self._bus.client.subscribe(f"{self._inbox}.>", cb=self._confirmed)

    async def _confirmed(self, message: Msg) -> None:
        _, number, position = message.subject.rsplit(".", 2)
        if int(number) == self._window.number:
            self._window.confirm(int(position), message.data)


class _Window:
    """The confirmations of one window."""

    def __init__(self, number: int, size: int) -> None:
        self.number, self._size = number, size
        self.sequences: dict[int, int] = {}
        self.refusals: dict[int, str] = {}
        self.done = asyncio.Event()

    def confirm(self, position: int, data: bytes) -> None:
        answer: dict[str, Any] = json.loads(data) if data else {"error": "no stream takes this subject"}
        if "seq" in answer:
            self.sequences[position] = answer["seq"]
        else:
            self.refusals[position] = str(answer.get("error"))
        if len(self.sequences) + len(self.refusals) == self._size:
            self.done.set()
