"""Mesh of relance with all that it asks and all by which it reminds, run once for the tests of this folder.

Jobs rest: tests carry out what is due at the instant they choose.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from service_kit.registry import service_named
from service_relance.service import SERVICE
from service_testing import Mesh, running
from tests.recouvrement import Recouvrement

_BESIDE = (
    "activites",
    "calendar",
    "clients",
    "commerciaux",
    "contrats",
    "email",
    "factures",
    "notifications",
    "organisations",
)


@pytest.fixture(scope="package")
async def mesh() -> AsyncIterator[Mesh]:
    """Everything is real; nothing happens by itself but planning."""
    services = (SERVICE, *map(service_named, _BESIDE))
    async with running(*(replace(one, workers=()) for one in services), user_sync_enabled=False) as mesh:
        yield mesh


@pytest.fixture
def bureau(mesh: Mesh, org: str) -> Recouvrement:
    """The office of `org` that asks for what is owed."""
    return Recouvrement(mesh, org)
