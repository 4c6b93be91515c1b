"""Every migration can be run while the former version serves, or says that it cannot."""

import pytest
from db_utils.migrations import judgements
from service_kit import Service
from service_kit.registry import services
from service_testing import empty_database


@pytest.fixture(scope="module")
def url() -> str:
    """A database for scratch schemas."""
    return empty_database()


@pytest.mark.parametrize("service", services().values(), ids=lambda service: service.name)
def test_the_former_version_can_live_with_every_migration(url: str, service: Service) -> None:
    """Or the migration gives its reason, and only then; see docs/operations.md."""
    found = judgements(url, service.schema)
    undeclared = {one.migration: one.hazards for one in found if one.hazards and not one.reason}
    needless = [one.migration for one in found if one.reason and not one.hazards]
    assert (undeclared, needless) == ({}, [])
