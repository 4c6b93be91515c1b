"""Owners of events: outside publishers may leave the organisation out, which clients then tells (C13)."""

import logging
from dataclasses import dataclass
from typing import Any

from crm.clients.clients_pb2 import GetClientBaseRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from grpc_utils import answered_or_none, is_opaque_id
from nats_utils import InvalidEvent, required_text

from service_kit.app import App

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """The organisation of an event's client, and its société ("" for none)."""

    organisation_id: str
    societe_id: str


async def owner_of(event: Any, app: App[Any]) -> Owner | None:
    """Return the owner that *event* names, else that of its client; None when the client is unknown.

    A look-up for subscriptions to events with client_id, organisation_id and societe_id.
    Raises InvalidEvent without a client or with an organisation that is no id, Unavailable when the
    clients service is silent.
    """
    required_text(event, "client_id")
    if event.organisation_id:
        if not is_opaque_id(event.organisation_id):  # nothing can be asked in its name
            raise InvalidEvent("organisation_id is no id")
        return Owner(event.organisation_id, event.societe_id)
    stub = app.peers.stub(ClientBaseServiceStub)
    client = await answered_or_none(stub.Get(GetClientBaseRequest(id=event.client_id)))
    if client is None:
        _log.warning(
            "event %s names no organisation, and its client %s is unknown", event.event_id, event.client_id
        )
        return None
    return Owner(client.organisation_id, client.societe_id)
