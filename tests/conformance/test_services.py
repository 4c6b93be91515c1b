"""What holds for every service, whatever it does. A new service is covered by being installed."""

import importlib
from pathlib import Path
from typing import Any

import grpc
import pytest
from db_utils.migrations import differences
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_utils.server import check_handlers, contract_of
from service_kit import Service, Settings
from service_kit.app import App
from service_kit.registry import services
from service_testing import Mesh, eventually, fresh_database

ROOT = Path(__file__).parents[2]
EVERY_SERVICE = pytest.mark.parametrize("service", services().values(), ids=lambda service: service.name)


def contracts(service: Service) -> list[ServiceDescriptor]:
    """The services declared in the .proto file of *service*."""
    module = importlib.import_module(f"crm.{service.name}.{service.name}_pb2")
    return list(module.DESCRIPTOR.services_by_name.values())


@EVERY_SERVICE
async def test_every_rpc_of_the_contract_has_an_async_handler(mesh: Mesh, service: Service) -> None:
    """No method of the .proto file is missing, synchronous or a client stream."""
    app: App[Settings] = mesh[service.name].app
    servicers = [make(app) for make in service.servicers]
    for servicer in servicers:
        check_handlers(servicer)
    assert {contract_of(servicer).full_name for servicer in servicers} == {
        contract.full_name for contract in contracts(service)
    }


@EVERY_SERVICE
def test_migrations_make_the_declared_tables(service: Service) -> None:
    """The frozen migrations and the classes describe the same schema."""
    assert differences(fresh_database(service), service.name, service.declared) == []


@EVERY_SERVICE
async def test_every_rpc_refuses_a_call_without_a_token(mesh: Mesh, service: Service) -> None:
    """UNAUTHENTICATED comes before anything about the request, which is not even valid here."""
    channel = mesh.channel(service.name)
    for contract in contracts(service):
        for method in contract.methods:
            call: Any = channel.unary_unary(f"/{contract.full_name}/{method.name}")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(b"\xff\xff\xff")
            assert (method.full_name, refused.value.code()) == (
                method.full_name,
                grpc.StatusCode.UNAUTHENTICATED,
            )


@EVERY_SERVICE
async def test_health_answers_anybody(mesh: Mesh, service: Service) -> None:
    """The process, the whole and each gRPC service are SERVING, without a token."""
    health: Any = health_pb2_grpc.HealthStub(mesh.channel(service.name))
    names = ["", "live", *(contract.full_name for contract in contracts(service))]

    async def all_serve() -> bool:
        checks = [await health.Check(health_pb2.HealthCheckRequest(service=name)) for name in names]
        return {check.status for check in checks} == {health_pb2.HealthCheckResponse.SERVING}

    # Soon: the mesh lives in this process, and a test that does not await keeps it from asking its database.
    await eventually(all_serve)


def test_consumers_and_ports_are_unique() -> None:
    """No two subscriptions share a durable consumer, no two services a port."""
    consumers = [s.consumer(name) for name, service in services().items() for s in service.subscriptions]
    ports = [service.port for service in services().values()]
    assert (len(consumers), len(ports)) == (len(set(consumers)), len(set(ports)))


@EVERY_SERVICE
def test_the_settings_are_documented(service: Service) -> None:
    """.env.example names every setting of the service."""
    text = (ROOT / "services" / f"service-{service.name}" / ".env.example").read_text()
    missing = [name for name in service.settings.model_fields if f"\n{name.upper()}=" not in text]
    assert missing == []


@EVERY_SERVICE
def test_the_readme_of_the_service_tells_what_it_owns(service: Service) -> None:
    """README.md names the port, the tables, the events and every RPC service."""
    text = (ROOT / "services" / f"service-{service.name}" / "README.md").read_text()
    facts = [
        str(service.port),
        *service.tables.tables,
        *(contract.name for contract in contracts(service)),
        *(subscription.kind.name for subscription in service.subscriptions),
    ]
    assert [fact for fact in facts if fact not in text] == []
