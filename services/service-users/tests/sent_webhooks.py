"""Webhooks of the tests: events with an id of their own, and requests as the gateway makes them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any

from crm.users import users_pb2 as pb
from db_utils import clock
from service_testing.webhooks import Webhook

Send = Callable[[Webhook], Awaitable[str]]
Told = Callable[..., Webhook]
Account = Callable[[], Awaitable[pb.Utilisateur]]
_numbers = count(1)


def request_of(webhook: Webhook, **fields: Any) -> pb.HandleProviderWebhookRequest:
    """Build the request by which the gateway passes *webhook* on."""
    told = {
        "fournisseur": "kinde",
        "corps": webhook.body,
        "content_type": webhook.content_type,
        "entetes": webhook.headers,
    }
    return pb.HandleProviderWebhookRequest(**(told | fields))


def now() -> int:
    """Return the time in Unix seconds."""
    return int(clock.timestamp())


def event_of(kind: str, at: float, user: object, **fields: object) -> dict[str, object]:
    """Build the body of a webhook in the form that carries its own id and time."""
    return {
        "type": kind,
        "event_id": f"event_{next(_numbers)}",
        "timestamp": (clock.now() + timedelta(seconds=at)).isoformat().replace("+00:00", "Z"),
        "data": {"user": user},
    } | fields
