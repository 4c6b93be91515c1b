"""A platform over HTTP, of its own for each test."""

from collections.abc import AsyncIterator

import pytest
from service_factures.transmission.plateforme import Plateforme
from tests.transmission.fausse_plateforme import FaussePlateforme


@pytest.fixture
async def fausse() -> AsyncIterator[FaussePlateforme]:
    """The platform, as it sees itself."""
    party = FaussePlateforme()
    await party.start()
    yield party
    await party.stop()


@pytest.fixture
def plateforme(fausse: FaussePlateforme) -> Plateforme:
    """The port to it."""
    return Plateforme(fausse.compte)
