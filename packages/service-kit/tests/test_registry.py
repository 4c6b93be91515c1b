"""The installed services, by name."""

import pytest
from service_kit import Service
from service_kit.registry import UnknownService, ports, service_named, services
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
    absent = Service("absent", 1, "service_absent", MetaData(), ())
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
