"""First story: a person calls without a token, calls with one, and sees the event on the bus."""

import asyncio
import json

from service_testing.command import Up

from tests.e2e.shell import Shell

BODY = '{"nom":"Test","prenom":"User","organisationId":"org-123"}'


async def bearer(mesh: Up) -> tuple[str, str]:
    """The option that carries a fresh token of `crm token`."""
    return "-H", f"authorization: Bearer {(await mesh.crm('token')).out.strip()}"


async def test_a_call_without_a_token_is_unauthenticated(shell: Shell) -> None:
    """The client ends with an error and prints the status."""
    code, told = await shell.grpcurl("clients", "clients.ClientBaseService/List")
    assert (code != 0, "unauthenticated" in told.lower()) == (True, True), told


async def test_a_call_with_a_token_is_answered(shell: Shell) -> None:
    """The client prints a list with its pagination, whether it has rows or not."""
    code, told = await shell.grpcurl("clients", "clients.ClientBaseService/List", *await bearer(shell.mesh))
    assert (code, "pagination" in json.loads(told)) == (0, True)


async def test_a_creation_is_seen_on_the_bus(shell: Shell) -> None:
    """`nats sub` receives the protobuf message, `crm events tail` shows it decoded."""
    watching = await shell.start("nats", "sub", "crm.events.client.created", "--count=1")
    assert watching.stdout is not None
    assert b"Subscribing" in await watching.stdout.readline()
    method = "clients.ClientBaseService/Create"
    code, told = await shell.grpcurl("clients", method, *await bearer(shell.mesh), "-d", BODY)
    client = json.loads(told)["id"]
    async with asyncio.timeout(30):
        received, _ = await watching.communicate()
    assert (code, watching.returncode, client.encode() in received) == (0, 0, True)
    tailing = await shell.mesh.crm.start("events", "tail", "--from-start", "--json")
    assert tailing.stdout is not None
    async with asyncio.timeout(30):
        while client not in (line := await tailing.stdout.readline()).decode():
            assert line
    tailing.terminate()
    await tailing.communicate()
    assert {"nom": "Test", "prenom": "User"}.items() <= json.loads(line)["data"].items()
