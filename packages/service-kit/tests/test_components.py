"""What a component adds to a service that names it, and that it is met by callers only there."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.events.business_pb2 import ClientCreatedEvent
from db_utils import Transaction, Worker, metadata
from grpc_utils import Identity
from nats_utils import Subscription
from pydantic_settings import BaseSettings
from service_clients.service import SERVICE
from service_kit import Greeter, Service, Settings
from service_testing import running
from sqlalchemy import MetaData


class Wishes(BaseSettings):
    """What the component can be told."""

    polite: bool = True


@dataclass
class Doorman:
    """Notes whom it meets, and that it was sent home."""

    met: list[str] = field(default_factory=list)
    closed: bool = False

    async def greet(self, identity: Identity) -> None:
        """Note the caller."""
        self.met.append(identity.subject)

    async def close(self) -> None:
        """Note the end."""
        self.closed = True


async def ignore(event: ClientCreatedEvent, tx: Transaction) -> None:
    """Nothing comes of it."""


@dataclass(frozen=True)
class Porch:
    """A component whose *job* runs at the start, and whose *doorman* stands at the door."""

    doorman: Doorman = field(compare=False)
    job: Callable[[Any], Awaitable[object]]
    package: str = "crm_bench"
    tables: MetaData = field(default_factory=metadata)
    settings: type[BaseSettings] = Wishes
    subscriptions: tuple[Subscription, ...] = (Subscription(ClientCreatedEvent, ignore),)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Its job."""
        return (Worker("porch", self.job, every=timedelta(days=1)),)

    @property
    def callees(self) -> Mapping[str, str]:
        """It owes nothing."""
        return {}

    def greeter(self, app: Any) -> Greeter | None:
        """The doorman, unless nobody is to be polite."""
        return self.doorman if app.settings.polite else None


async def rest(app: Any) -> None:
    """A job with nothing to do."""


def with_porch(doorman: Doorman, job: Callable[[Any], Awaitable[object]] = rest) -> Service:
    """The clients service with the component."""
    return replace(SERVICE, components=(Porch(doorman, job),))


def test_a_service_takes_over_what_its_component_brings() -> None:
    """Tables and their migrations, settings, subscriptions and jobs; its own stay, and are not doubled."""
    service = with_porch(Doorman())
    again = replace(service, name="copy")
    for one in (service, again):
        assert [tables for _, tables in one.shared_tables][:2] == [
            tables for _, tables in SERVICE.shared_tables
        ]
        assert one.declared[-1] is SERVICE.tables
        assert len(one.schema.folders) == len(SERVICE.schema.folders) + 1
        assert [one.consumer("s") for one in one.subscriptions] == ["s--client-created"]
        assert [worker.name for worker in one.workers] == ["porch"]
        assert issubclass(one.settings, Settings)
        assert issubclass(one.settings, Wishes)


async def test_a_component_meets_the_callers_of_its_service() -> None:
    """Its job has run with the application, and it is told when the service stops."""
    doorman, apps = Doorman(), []

    async def job(app: Any) -> None:
        apps.append(app)

    async with running(with_porch(doorman, job)) as mesh:
        await mesh.stub(ClientBaseServiceStub, user="user-1").List(pb.ListClientBasesRequest())
        assert doorman.met == ["user-1"]
        assert apps == [mesh["clients"].app]
        assert not doorman.closed
    assert doorman.closed


async def test_a_component_that_is_switched_off_meets_nobody() -> None:
    """By its settings, which are the service's."""
    doorman = Doorman()
    async with running(with_porch(doorman), polite=False) as mesh:
        await mesh.stub(ClientBaseServiceStub).List(pb.ListClientBasesRequest())
    assert doorman.met == []
