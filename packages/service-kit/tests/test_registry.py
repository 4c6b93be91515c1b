"""The installed services and edges, by name."""

import subprocess
import sys

import pytest
from service_kit import Service
from service_kit.registry import (
    UnknownService,
    edges,
    ports,
    process_named,
    processes,
    service_named,
    services,
)
from sqlalchemy import MetaData


def test_services_come_in_the_order_of_their_ports() -> None:
    """With their names as keys."""
    assert [*services()] == sorted(services(), key=ports().__getitem__)
    assert all(name == service.name for name, service in services().items())


def test_a_service_is_found_by_its_name() -> None:
    """As the command line names it."""
    assert service_named("clients").port == 50052


def test_an_unknown_name_is_told_with_those_that_exist() -> None:
    """In one sentence."""
    with pytest.raises(UnknownService) as told:
        service_named("cliens")
    assert str(told.value) == f"there is no service 'cliens'; there are: {', '.join(services())}"


def test_a_service_whose_package_is_missing_says_what_to_do() -> None:
    """It was declared and is not installed."""
    absent = Service("absent", 1, MetaData(), ())
    with pytest.raises(LookupError, match=r"package service_absent is not installed: run \./scripts/up"):
        _ = absent.folder


def test_the_schema_of_a_service_has_the_tables_of_the_kernel_too() -> None:
    """Their migrations come first, from folders that exist."""
    schema = service_named("clients").schema
    assert [folder.parent.name for folder in schema.folders] == [
        "grpc_utils",
        "nats_utils",
        "service_clients",
    ]
    assert all(folder.is_dir() for folder in schema.folders)


def test_processes_are_the_services_and_the_edges() -> None:
    """Each has a name of its own, a port, and is found by that name."""
    assert [*processes()] == [*services(), *edges()]
    assert ports() == {name: process.port for name, process in processes().items()}
    assert all(process_named(name) is process for name, process in processes().items())


def test_an_edge_is_no_service() -> None:
    """What is about schemas and events does not find it; the sentence for a person lists it."""
    with pytest.raises(UnknownService):
        service_named("gateway")
    with pytest.raises(UnknownService, match="gateway"):
        process_named("gatewai")


_SERVES_CLIENTS = """
import os, sys
from service_kit import Settings
from service_kit.registry import ports, process_named

os.environ["USERS_GRPC_ADDR"] = "users:50067"
process_named("clients")
addresses = Settings.addresses(ports())
print("auth" in addresses, addresses["users"], addresses.get("nobody"))
print(*sorted(name for name in sys.modules if name.startswith("service_") and "." not in name))
"""


def test_a_process_loads_no_service_for_an_address_that_is_set() -> None:
    """A container serves one service and holds the code of that one alone."""
    told = subprocess.run([sys.executable, "-c", _SERVES_CLIENTS], capture_output=True, text=True, check=True)
    assert told.stdout == "True users:50067 None\nservice_clients service_kit\n"
