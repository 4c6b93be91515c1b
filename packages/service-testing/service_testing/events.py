"""What a broker has stored, read to its end."""

import asyncio
from contextlib import suppress

from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats_utils import EventType

_TIMEOUT = 10.0  # seconds


async def stored(client: Client, kind: EventType) -> list[bytes]:
    """The payloads of all events of *kind* that the broker holds by now, in order.

    A fetch may come back with a part of them, or time out in nats-py's way or in asyncio's:
    the count that the broker gives says when the end is reached.
    """
    js = client.jetstream()
    info = await js.stream_info(kind.stream, subjects_filter=kind.subject)
    count = sum((info.state.subjects or {}).values())
    subscription = await js.pull_subscribe(
        kind.subject, stream=kind.stream, config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    )
    payloads: list[bytes] = []
    async with asyncio.timeout(_TIMEOUT):
        while len(payloads) < count:
            with suppress(TimeoutError):
                payloads += [message.data for message in await subscription.fetch(500, timeout=1)]
    await subscription.unsubscribe()
    return payloads
