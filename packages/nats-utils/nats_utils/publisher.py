"""Windows of messages published at once, and which of them the broker has stored.

The futures of nats-py's `publish_async` never time out, and it leaks permits when it raises;
here a window has one deadline and leaves nothing behind.
"""

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db_utils import failpoint
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import MaxPayloadError

from nats_utils.bus import BUS_ERRORS, Bus

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """A confirmation: the message stands at *sequence*, a *duplicate* since an earlier publication."""

    sequence: int
    duplicate: bool


class Publisher:
    """The publisher of one relay; all confirmations of a connection of *bus* come to one inbox."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._client: Client | None = None
        self._inbox = ""
        self._window = _Window(0, 0)

    async def publish(self, messages: Sequence[Outgoing], timeout: float) -> dict[int, Stored]:
        """Publish *messages*; the confirmations, by position.

        Gives up after *timeout* seconds or when the connection is lost. Nothing is known of a
        message without a confirmation: publish it again under the same message id.
        """
        window = self._window = _Window(self._window.number + 1, len(messages))
        with self._bus.watched(window.done.set):
            try:
                async with asyncio.timeout(timeout):
                    client = await self._listening()
                    await self._send(client, window, messages)
                    await window.done.wait()
            except BUS_ERRORS as error:
                _log.warning("a window was interrupted: %s", type(error).__name__)
        if window.refusals:
            _log.warning("the broker refused messages: %s", next(iter(window.refusals.values())))
        return window.stored

    async def _listening(self) -> Client:
        client = self._bus.client
        if client is not self._client:
            self._inbox = client.new_inbox()
            await client.subscribe(f"{self._inbox}.>", cb=self._confirmed)
            self._client = client
        return client

    async def _send(self, client: Client, window: "_Window", messages: Sequence[Outgoing]) -> None:
        for position, message in enumerate(messages):
            reply = f"{self._inbox}.{window.number}.{position}"
            try:
                await client.publish(
                    message.subject, message.payload, reply=reply, headers=dict(message.headers)
                )
            except MaxPayloadError as error:
                window.refuse(position, str(error))
            failpoint("relay.in_window")

    async def _confirmed(self, message: Msg) -> None:
        _, number, position = message.subject.rsplit(".", 2)
        if int(number) == self._window.number:
            self._window.confirm(int(position), message.data)


class _Window:
    """The answers of the broker to one window: *done* once there is one for each of its messages."""

    def __init__(self, number: int, size: int) -> None:
        self.number, self._size = number, size
        self.stored: dict[int, Stored] = {}
        self.refusals: dict[int, str] = {}
        self.done = asyncio.Event()

    def confirm(self, position: int, data: bytes) -> None:
        answer: dict[str, Any] = json.loads(data) if data else {"error": "no stream takes this subject"}
        if "error" in answer:  # looked at first: a refusal has a sequence too, 0
            self.refuse(position, str(answer["error"]))
        else:
            self.stored[position] = Stored(answer["seq"], answer.get("duplicate", False))
            self._end_if_complete()

    def refuse(self, position: int, reason: str) -> None:
        self.refusals[position] = reason
        self._end_if_complete()

    def _end_if_complete(self) -> None:
        if len(self.stored) + len(self.refusals) == self._size:
            self.done.set()
