"""Revoked tokens on the bus: a key-value bucket that every service follows.

The service that revokes writes the announcement with its own change, through the outbox;
the relay puts it into the bucket within milliseconds of the commit.
"""

import asyncio
import base64
import contextlib
import logging
from collections.abc import Callable

from crm.auth.auth_pb2 import Revocation
from db_utils import Transaction, uuid7
from google.protobuf.message import DecodeError
from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy

from nats_utils.bus import BUS_ERRORS, Bus
from nats_utils.events import REVOCATIONS_STREAM
from nats_utils.tables import OutboxRow

_log = logging.getLogger(__name__)
_SUBJECT = "$KV.CRM_REVOCATIONS"


def announce_revocation(tx: Transaction, revocation: Revocation) -> None:
    """Tell every service about *revocation* once *tx* has committed."""
    tx.insert_at_commit(
        OutboxRow(
            message_id=f"revocation:{uuid7()}",
            stream=REVOCATIONS_STREAM,
            subject=f"{_SUBJECT}.{_key(revocation)}",
            payload=revocation.SerializeToString(),
            headers={},
        )
    )


def _key(revocation: Revocation) -> str:
    """Where the bucket keeps the last word about what *revocation* ends."""
    if revocation.jti:
        return f"jti.{_encoded(revocation.jti)}"
    key = f"user.{_encoded(revocation.utilisateur_id)}"
    return f"{key}.{_encoded(revocation.organisation_id)}" if revocation.organisation_id else key


def _encoded(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).rstrip(b"=").decode()


async def follow_revocations(bus: Bus, take: Callable[[Revocation], None]) -> None:
    """Hand every revocation to *take*, those in force first.

    Returns when the connection is lost or the broker has lost its store: call it again then.

    Raises one of BUS_ERRORS when the bucket cannot be read.
    """

    async def receive(message: Msg) -> None:
        try:
            take(Revocation.FromString(message.data))
        except DecodeError:
            _log.error("an unreadable entry in the bucket of revocations: %s", message.subject)

    changed = asyncio.Event()
    with bus.watched(changed.set):
        subscription = await bus.js.subscribe(
            f"{_SUBJECT}.>",
            stream=REVOCATIONS_STREAM,
            cb=receive,
            ordered_consumer=True,
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
        )
        try:
            await changed.wait()
        finally:
            with contextlib.suppress(*BUS_ERRORS):
                await subscription.unsubscribe()
