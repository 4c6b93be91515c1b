"""The streams of the bus, made where they are missing: `crm up` and `crm migrate`."""

import asyncio

import nats_utils
from nats.errors import Error as NatsError
from nats_utils.bus import connect_once
from service_kit.settings import Settings, load

from crm_cli.home import CommandError


def declared() -> tuple[nats_utils.Stream, ...]:
    """The streams of this installation. Raises ConfigurationError."""
    return nats_utils.declared(replicas=load(Settings, database_url="").nats_replicas)


def declare_streams(nats_url: str) -> None:
    """Make the streams that are missing. Raises CommandError, ConfigurationError."""

    async def run() -> None:
        client = await connect_once(nats_url, "crm-cli")
        try:
            await nats_utils.declare(client.jetstream(), declared())
        finally:
            await client.close()

    try:
        asyncio.run(run())
    except nats_utils.StreamDrift as error:
        raise CommandError(str(error)) from error
    except (NatsError, OSError) as error:
        raise CommandError(f"the broker at {nats_url} does not answer: {type(error).__name__}") from error
