"""Streams as a client follows them, and further instances of the service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import grpc
from crm.notifications import notifications_pb2 as pb
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from service_notifications.models import Notification
from service_notifications.service import SERVICE
from service_testing import Mesh, running

NOTIFICATION: dict[str, Any] = {"type": "INFO", "titre": "Titre", "message": "Message"}
ONE_SECOND = 1.0  # within which a notification reaches every stream (R11)


class Suivi:
    """A stream that a client follows."""

    def __init__(self, call: Any) -> None:
        self.call, self._events = call, aiter(call)

    async def event(self, within: float = 5.0) -> pb.NotificationEvent:
        """The next event, which comes *within* so many seconds."""
        async with asyncio.timeout(within):
            return await anext(self._events)

    async def new(self, count: int = 1, within: float = 5.0) -> list[str]:
        """The ids of the next *count* events, all new notifications."""
        events = [await self.event(within) for _ in range(count)]
        assert {event.type for event in events} <= {"notification.new"}
        return [event.notification.id for event in events]

    async def end(self) -> tuple[list[pb.NotificationEvent], grpc.StatusCode]:
        """The events that are left, and the status of the end."""
        events = []
        try:
            async for event in self._events:
                events.append(event)
        except grpc.aio.AioRpcError as error:
            return events, error.code()
        return events, grpc.StatusCode.OK


def of(mesh: Mesh, org: str | None, user: str = "marie", **claims: Any) -> NotificationServiceStub:
    """A stub of the service for *user* of *org*."""
    return mesh.stub(NotificationServiceStub, organisation=org, user=user, **claims)


@asynccontextmanager
async def followed(stub: NotificationServiceStub, **request: Any) -> AsyncIterator[Suivi]:
    """A stream that has begun: `pret` was read."""
    suivi = Suivi(stub.Stream(pb.StreamNotificationsRequest(**request)))
    try:
        assert (await suivi.event()).type == "pret"
        yield suivi
    finally:
        suivi.call.cancel()


def another(mesh: Mesh, **settings: Any) -> AbstractAsyncContextManager[Mesh]:
    """Another instance of the service, on the database and the broker of *mesh*."""
    url = mesh["notifications"].settings.database_url.get_secret_value()
    return running(SERVICE, database_url=url, broker=mesh.broker, **settings)


async def stored(mesh: Mesh, org: str, count: int = 1, **fields: Any) -> None:
    """Write *count* notifications of the whole organisation into the table."""
    async with mesh.database("notifications").transaction() as tx:
        for _ in range(count):
            content = NOTIFICATION | {"organisation_id": org, "destinataire_type": "ORGANISATION"} | fields
            await tx.insert(Notification(**content))


async def create(mesh: Mesh, org: str, user: str = "", **fields: Any) -> str:
    """Have a service notify *user*, or the whole organisation; the id of the notification."""
    stub = mesh.service_stub(NotificationServiceStub, caller="clients", organisation=org)
    addressee = {"destinataire_type": "UTILISATEUR" if user else "ORGANISATION", "destinataire_id": user}
    request = pb.CreateNotificationRequest(**{"organisation_id": org, **NOTIFICATION, **addressee, **fields})
    return (await stub.Create(request)).id
