"""Mesh of retry with all that it asks; payments and relance are doubles. It runs once for all tests here.

Jobs rest: tests call them at the instant they choose, and nothing happens by itself but subscriptions.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from crm.retry.retry_pb2_grpc import (
    RetryEngineServiceStub,
    RetryPolicyServiceStub,
    RetryScheduleServiceStub,
)
from service_kit.registry import service_named
from service_retry.service import SERVICE
from service_testing import Mesh, running
from service_testing.fixtures import of_member
from tests.banque import Banque
from tests.bureau import Bureau

_BESIDE = ("calendar", "clients", "contrats", "email", "factures", "notifications")

policies = of_member(RetryPolicyServiceStub)
schedules = of_member(RetryScheduleServiceStub)
engine = of_member(RetryEngineServiceStub)


@pytest.fixture(scope="package")
def banque() -> Banque:
    """What the doubles of payments and relance know and have heard."""
    return Banque()


@pytest.fixture(scope="package")
async def mesh(banque: Banque) -> AsyncIterator[Mesh]:
    """Everything else is real."""
    services = (SERVICE, *map(service_named, _BESIDE))
    idle = (replace(one, workers=()) for one in services)
    async with running(*idle, doubles=banque.doubles(), user_sync_enabled=False) as mesh:
        yield mesh


@pytest.fixture
def bureau(mesh: Mesh, org: str, banque: Banque) -> Bureau:
    """The office of `org`."""
    banque.silent, banque.lost, banque.unanswered = False, 0, 0
    for leftover in (banque.refusals, banque.while_checked, banque.while_asked):
        leftover.clear()
    return Bureau(mesh, org, banque)
