"""Calls of one client inside the network of a stack: `python - STEP …`, in a container of the image.

Sent to its standard input by `stack.py`; stands on nothing but what the image holds. Each step prints
what it found, and ends with a sentence and exit code 1 when it is not what it should be.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
import grpc.aio
import httpx
import nats
import nats.errors
from crm.clients.clients_pb2 import CreateClientBaseRequest, GetClientBaseRequest, ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from crm.notifications.notifications_pb2 import ListNotificationsRequest
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from grpc_health.v1 import health_pb2, health_pb2_grpc

GATEWAY = "http://gateway:5000"
PATIENCE = 60.0  # seconds that an event may take to all its effects
ORGANISATION = "org-123"


def bearer() -> tuple[tuple[str, str], ...]:
    """The metadata of a caller who is known."""
    return (("authorization", f"Bearer {os.environ['TOKEN']}"),)


async def health(*addresses: str) -> str:
    """Every service is SERVING, asked without a token."""
    for address in addresses:
        async with grpc.aio.insecure_channel(address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
            if answer.status != health_pb2.HealthCheckResponse.SERVING:
                sys.exit(f"{address} is not SERVING: {answer}")
    async with httpx.AsyncClient() as browser:
        (await browser.get(f"{GATEWAY}/readyz")).raise_for_status()
    return f"{len(addresses)} services are SERVING, the gateway is ready"


async def refused(code: str, token: str = "") -> str:
    """A call of clients ends with *code*, without a token or with the one of the environment."""
    async with grpc.aio.insecure_channel("clients:50052") as channel:
        try:
            metadata = bearer() if token else None
            await ClientBaseServiceStub(channel).List(ListClientBasesRequest(), metadata=metadata, timeout=5)
        except grpc.aio.AioRpcError as error:
            if error.code().name == code:
                return f"{code}: {error.details()}"
            sys.exit(f"{error.code().name} instead of {code}: {error.details()}")
    sys.exit(f"an answer instead of {code}")


async def sign_in(email: str) -> str:
    """A token of the account *email*, from the gateway."""
    body = {"email": email, "password": os.environ["PASSWORD"]}
    async with httpx.AsyncClient() as browser:
        answer = await browser.post(f"{GATEWAY}/api/auth/login", json=body)
    if not answer.is_success:
        sys.exit(f"the sign-in was answered {answer.status_code}: {answer.text}")
    return str(answer.json()["token"])


async def keycloak() -> str:
    """The services take a token of Keycloak, which needs minutes to start."""
    url = "http://keycloak:8080/realms/crm/protocol/openid-connect/token"
    form = {
        "grant_type": "password",
        "client_id": "crm",
        "username": "demo",
        "password": os.environ["PASSWORD"],
    }
    async with asyncio.timeout(5 * PATIENCE), httpx.AsyncClient() as browser:
        while True:
            try:
                answer = await browser.post(url, data=form)
                break
            except httpx.ConnectError:
                await asyncio.sleep(1)
    os.environ["TOKEN"] = answer.json().get("access_token") or sys.exit(f"Keycloak said {answer.text}")
    async with grpc.aio.insecure_channel("clients:50052") as channel:
        stub = ClientBaseServiceStub(channel)
        found = await stub.List(ListClientBasesRequest(), metadata=bearer(), timeout=10)
    return f"demo of Keycloak sees {len(found.clients)} clients"


async def create(nom: str) -> str:
    """A new client; its id."""
    async with grpc.aio.insecure_channel("clients:50052") as channel:
        request = CreateClientBaseRequest(nom=nom, prenom="Ada", organisation_id=ORGANISATION)
        return str((await ClientBaseServiceStub(channel).Create(request, metadata=bearer(), timeout=5)).id)


async def get(client: str) -> str:
    """The name of *client*."""
    async with grpc.aio.insecure_channel("clients:50052") as channel:
        request = GetClientBaseRequest(id=client)
        return str((await ClientBaseServiceStub(channel).Get(request, metadata=bearer(), timeout=5)).nom)


async def event(client: str) -> str:
    """The event about *client* is on the bus."""
    bus = await nats.connect(os.environ["NATS_URL"])
    subscription = await bus.jetstream().subscribe("crm.events.client.created", ordered_consumer=True)
    try:
        async with asyncio.timeout(PATIENCE):
            async for message in subscription.messages:
                if ClientCreatedEvent.FromString(message.data).client_id == client:
                    return f"{message.subject} {(message.headers or {})['Nats-Msg-Id']}"
    except TimeoutError:
        pass
    finally:
        await bus.close()
    sys.exit(f"no event about {client} within {PATIENCE:.0f} s")


async def told(client: str) -> str:
    """The event about *client* had its effect in notifications, once."""
    async with grpc.aio.insecure_channel("notifications:50061") as channel:
        stub = NotificationServiceStub(channel)
        for _ in range(int(PATIENCE)):
            request = ListNotificationsRequest(organisation_id=ORGANISATION)
            found = (await stub.List(request, metadata=bearer(), timeout=5)).notifications
            if count := sum(client in str(one) for one in found):
                return f"{count} notification" if count == 1 else sys.exit(f"{count} notifications")
            await asyncio.sleep(1)
    sys.exit(f"no notification about {client} within {PATIENCE:.0f} s")


async def forbidden(user: str, subject: str) -> str:
    """The broker refuses what the NATS user *user* publishes on *subject*."""
    heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def listen(error: Exception) -> None:
        if not heard.done():
            heard.set_result(str(error))

    server = f"nats://{user}:{os.environ['PASSWORD']}@nats:4222"
    bus = await nats.connect(server, error_cb=listen, allow_reconnect=False)
    await bus.publish(subject, b"")
    await bus.flush()
    try:
        async with asyncio.timeout(5):
            said = await heard
    except TimeoutError:
        sys.exit(f"{user} may publish {subject}")
    await bus.close()
    return said


STEPS: dict[str, Callable[..., Coroutine[Any, Any, str]]] = {
    step.__name__: step for step in (health, refused, sign_in, keycloak, create, get, event, told, forbidden)
}

if __name__ == "__main__":
    try:
        print(asyncio.run(STEPS[sys.argv[1]](*sys.argv[2:])))
    except grpc.aio.AioRpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
