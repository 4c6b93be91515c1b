"""`crm events tail`: the events of the bus, decoded while they arrive."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from nats_utils import EVENTS_STREAM, IDENTITY_STREAM, connect_once

from crm_cli import decoding
from crm_cli.home import CommandError, without_logins

_RETRY = 0.5
_ENVELOPE = ("eventId", "timestamp", "correlationId")

Show = Callable[[Msg], Awaitable[None]]


async def tail(url: str, subject: str, *, from_start: bool, as_json: bool) -> None:
    """Print events until cancelled, *from_start* with all that the streams hold.

    A broker that goes and comes back is waited for, and nothing is left out. Raises
    CommandError when it does not answer at first or no stream takes *subject*.
    """
    connected = asyncio.Event()
    client = await _connect(url, connected)
    try:
        show = _show_json if as_json else _show_line
        js = client.jetstream()
        tails = [
            _Tail(js, stream, subject, await _next_sequence(js, stream, from_start=from_start), show)
            for stream in await _streams(js, subject)
        ]
        while True:
            connected.clear()
            try:
                for one in tails:
                    await one.listen()
            except (NatsError, OSError):
                await asyncio.sleep(_RETRY)  # it answers, and JetStream does not yet
                continue
            _tell(f"listening at {url}, Ctrl-C ends")
            await connected.wait()
    finally:
        await client.close()


async def _connect(url: str, connected: asyncio.Event) -> Client:
    """A client that never gives up and sets *connected* whenever the broker is back."""

    async def back() -> None:
        connected.set()

    async def away() -> None:
        if not client.is_closed:
            _tell("the broker is away")

    try:
        await (await connect_once(url, "crm-events-tail")).close()
    except (NatsError, OSError):
        raise CommandError(f"the broker at {without_logins(url)} does not answer") from None
    client = Client()
    await client.connect(
        servers=url.split(","),
        name="crm-events-tail",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=5,
        max_outstanding_pings=2,
        reconnected_cb=back,
        disconnected_cb=away,
        error_cb=_say_nothing,
    )
    return client


async def _say_nothing(error: Exception) -> None: ...


class _Tail:
    """The messages of one stream from sequence *following* on."""

    def __init__(self, js: JetStreamContext, stream: str, subject: str, following: int, show: Show) -> None:
        self._js, self._stream, self._subject = js, stream, subject
        self._following, self._show = following, show
        self._subscription: JetStreamContext.PushSubscription | None = None

    async def listen(self) -> None:
        """Go on after the last message shown, with a new subscription."""
        former, self._subscription = self._subscription, None
        if former is not None:
            await former.unsubscribe()
        end = await _next_sequence(self._js, self._stream, from_start=False)
        self._following = min(self._following, end)  # a broker that lost its end gets it again
        self._subscription = await self._js.subscribe(
            self._subject,
            stream=self._stream,
            cb=self._received,
            ordered_consumer=True,
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=self._following
            ),
        )

    async def _received(self, message: Msg) -> None:
        self._following = message.metadata.sequence.stream + 1
        await self._show(message)


async def _next_sequence(js: JetStreamContext, stream: str, *, from_start: bool) -> int:
    try:
        return 1 if from_start else (await js.stream_info(stream)).state.last_seq + 1
    except NotFoundError:
        raise CommandError(f"the broker has no stream {stream}: `crm migrate` declares it") from None


def _tell(news: str) -> None:
    print(news, file=sys.stderr, flush=True)


async def _streams(js: JetStreamContext, subject: str) -> Sequence[str]:
    if not subject:
        return (EVENTS_STREAM, IDENTITY_STREAM)
    try:
        return (await js.find_stream_name_by_subject(subject),)
    except NotFoundError:
        raise CommandError(
            f"no stream takes {subject!r}; `nats stream subjects` lists what there is"
        ) from None


async def _show_json(message: Msg) -> None:
    print(decoding.as_json({"subject": message.subject, **_content(message)}), flush=True)


async def _show_line(message: Msg) -> None:
    content = _content(message)
    if "error" in content:
        print(f"{message.subject}  {content['error']}", flush=True)
        return
    data = content["data"]
    fields = " ".join(f"{name}={_text(value)}" for name, value in data.items() if name not in _ENVELOPE)
    print(f"{_time(data.get('timestamp', ''))}  {_label(message, content['event'])}  {fields}", flush=True)


def _content(message: Msg) -> dict[str, Any]:
    try:
        name = decoding.name_at(message.subject)
        return {"event": name, "data": decoding.read(name, message.data)}
    except CommandError as error:
        return {"error": str(error)}


def _label(message: Msg, event: str) -> str:
    return message.subject if message.subject.startswith("crm.dlq.") else event


def _time(timestamp: str) -> str:
    if not timestamp:
        return "--:--:--.---"
    return datetime.fromisoformat(timestamp).astimezone().strftime("%H:%M:%S.%f")[:-3]


def _text(value: object) -> str:
    text = value if isinstance(value, str) else decoding.as_json(value)
    return decoding.as_json(text) if " " in text else text
