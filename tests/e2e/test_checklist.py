"""What somebody checks who takes the mesh over: guarded services, five events, and one effect of each."""

import asyncio
import json
from uuid import uuid4

import nats
import pytest
from crm.events.business_pb2 import ClientCreatedEvent
from google.protobuf.timestamp_pb2 import Timestamp
from service_kit.registry import services
from service_testing import eventually
from service_testing.command import Up

from tests.e2e.shell import Shell

# Something to read in each service, which needs nothing but a token.
READING = {
    "activites": "TacheService/List",
    "auth": "TokenService/GetJwks",
    "calendar": "HolidayService/ListZones",
    "clients": "ClientBaseService/List",
    "commerciaux": "ApporteurService/List",
    "commission": "CommissionService/List",
    "contrats": "ContratService/List",
    "dashboard": "DashboardKpisService/GetKpis",
    "documents": "PieceJointeService/List",
    "email": "EmailService/List",
    "factures": "InvoiceService/List",
    "integrations": "IntegrationService/List",
    "notifications": "NotificationService/List",
    "organisations": "OrganisationService/List",
    "payments": "PaymentScheduleService/List",
    "products": "ProduitService/List",
    "relance": "RelanceService/List",
    "retry": "RetryScheduleService/List",
    "users": "UtilisateurService/List",
}
EVENTS = ("client.created", "contract.signed", "invoice.created", "payment.received", "payment.rejected")


class Caller:
    """Somebody at a terminal with grpcurl and *token*."""

    def __init__(self, shell: Shell, token: str) -> None:
        self._shell, self._bearer = shell, ("-H", f"authorization: Bearer {token}")

    async def call(self, method: str, **body: object) -> dict[str, object]:
        """The answer of *method*, as in clients.ClientBaseService/List. Raises AssertionError if refused."""
        service = method.partition(".")[0]
        code, told = await self._shell.grpcurl(service, method, *self._bearer, "-d", json.dumps(body))
        assert code == 0, told
        answer: dict[str, object] = json.loads(told)
        return answer


@pytest.fixture(scope="module")
async def token(mesh: Up) -> str:
    """A token of `crm token`."""
    return (await mesh.crm("token")).out.strip()


@pytest.fixture
def caller(shell: Shell, token: str) -> Caller:
    """Somebody with a token."""
    return Caller(shell, token)


def test_no_service_is_left_out() -> None:
    """The checklist reads something in each of them."""
    assert list(READING) == sorted(services())


@pytest.mark.parametrize("service", READING)
async def test_without_a_token_nothing_is_read(shell: Shell, service: str) -> None:
    """The client ends with an error and prints the status."""
    code, told = await shell.grpcurl(service, f"{service}.{READING[service]}")
    assert (code != 0, "unauthenticated" in told.lower()) == (True, True), told


@pytest.mark.parametrize("service", services())
async def test_health_needs_no_token(shell: Shell, service: str) -> None:
    """Every service answers SERVING to a caller without a token."""
    code, told = await shell.grpcurl(service, "grpc.health.v1.Health/Check")
    assert (code, json.loads(told)) == (0, {"status": "SERVING"})


@pytest.mark.parametrize("service", READING)
async def test_a_token_opens_every_service(caller: Caller, service: str) -> None:
    """The same token for all."""
    await caller.call(f"{service}.{READING[service]}")


async def test_five_calls_are_five_events(shell: Shell, caller: Caller) -> None:
    """A client, a contract, an invoice, money that comes and goes back: `nats sub` sees one event of each."""
    watching = await shell.start("nats", "sub", "crm.events.>", "--count=5")
    assert watching.stdout is not None
    assert b"Subscribing" in await watching.stdout.readline()
    await caller.call("clients.ClientBaseService/Create", nom="Test", prenom="User", organisationId="org-123")
    await caller.call("contrats.ContratService/Create", clientId="client-123", produitId="prod-456")
    await caller.call("factures.InvoiceService/Create", clientId="client-123", montant=120)
    paid = {"clientId": "client-123", "montant": 49.9, "moyen": "CHEQUE"}
    payment = await caller.call("payments.PaymentService/Create", **paid)
    await caller.call("payments.PaymentService/Confirm", id=payment["id"])
    await caller.call("payments.PaymentService/Reject", id=payment["id"], motifRejet="AM04")
    async with asyncio.timeout(60):
        received, _ = await watching.communicate()
    seen = [line for line in received.decode(errors="replace").splitlines() if "Received on" in line]
    assert sorted(line.split('"')[1] for line in seen) == [f"crm.events.{event}" for event in EVENTS]


async def test_an_event_that_comes_twice_has_its_effect_once(shell: Shell, caller: Caller) -> None:
    """The broker keeps both, as their message ids differ; one mail is sent, and one for the next event."""
    first, other = (f"{uuid4().hex}@exemple.fr" for _ in range(2))
    event, third = created(first), created(other)
    async with await nats.connect(shell.mesh.nats_url) as client:
        stream = client.jetstream()
        for message in (event, event, third):
            await stream.publish(
                "crm.events.client.created",
                message.SerializeToString(),
                headers={"Nats-Msg-Id": str(uuid4())},
            )

    async def mails(to: str) -> list[object]:
        answer = await caller.call("email.EmailService/List", destinataire=to)
        found = answer.get("messages", [])
        assert isinstance(found, list)
        return found

    await eventually(lambda: mails(other), timeout=60)
    assert len(await mails(first)) == 1


def created(email: str) -> ClientCreatedEvent:
    """The announcement of a client who reads at *email*, by a publisher outside."""
    now = Timestamp()
    now.GetCurrentTime()
    named = {"client_id": f"client-{uuid4()}", "organisation_id": "org-123", "nom": "Test", "prenom": "User"}
    return ClientCreatedEvent(event_id=str(uuid4()), timestamp=now, email=email, created_at=now, **named)
