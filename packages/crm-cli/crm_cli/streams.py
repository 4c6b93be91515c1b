"""The streams of the bus, made where they are missing: `crm up` and `crm migrate`."""

import asyncio

import nats_utils
from db_utils.migrations import Patience
from nats.errors import Error as NatsError
from nats_utils import connect_once
from service_kit import Settings, load

from crm_cli.home import CommandError, without_logins

__all__ = [
    "declare_streams",
]


def declared() -> tuple[nats_utils.Stream, ...]:
    """The streams of this installation. Raises ConfigurationError."""
    return nats_utils.declared(replicas=load(Settings, database_url="").nats_replicas)


def declare_streams(nats_url: str, patience: Patience | None = None) -> None:
    """Make the streams that are missing, once the broker answers, as long as there is *patience*.

    Raises CommandError, ConfigurationError.
    """
    while True:
        try:
            asyncio.run(_declare(nats_url))
        except nats_utils.StreamDrift as error:
            raise CommandError(str(error)) from error
        except (NatsError, OSError) as error:
            sentence = f"the broker at {without_logins(nats_url)} does not answer: {type(error).__name__}"
            if patience is None or not patience.pause(sentence):
                raise CommandError(sentence) from error
        else:
            return


async def _declare(nats_url: str) -> None:
    client = await connect_once(nats_url, "crm-cli")
    try:
        await nats_utils.declare(client.jetstream(), declared())
    finally:
        await client.close()
