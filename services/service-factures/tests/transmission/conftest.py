"""A platform over HTTP, of its own for each test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceStub, TransmissionServiceStub
from service_factures.transmission.plateforme import Plateforme
from service_kit import App
from service_testing import Mesh
from tests.transmission.comptable import Comptable
from tests.transmission.fausse_plateforme import FaussePlateforme

Issue = Callable[..., Awaitable[pb.Facture]]


@pytest.fixture
async def fausse() -> AsyncIterator[FaussePlateforme]:
    """The platform, as it sees itself."""
    party = FaussePlateforme()
    await party.start()
    yield party
    await party.stop()


@pytest.fixture
def app(mesh: Mesh) -> App[Any]:
    """The service with its settings."""
    return mesh["factures"].app


@pytest.fixture
def comptable(
    app: App[Any],
    org: str,
    factures: InvoiceServiceStub,
    payments: InvoiceServiceStub,
    transmissions: TransmissionServiceStub,
) -> Comptable:
    """The service of the organisation."""
    return Comptable(app, org, factures, payments, transmissions)


@pytest.fixture
def plateforme(fausse: FaussePlateforme) -> Plateforme:
    """The port to it."""
    return Plateforme(fausse.compte)


@pytest.fixture
async def sent(comptable: Comptable, fausse: FaussePlateforme, sold: Issue) -> pb.Facture:
    """An invoice that the platform has."""
    await comptable.connect(fausse)
    facture = await sold()
    assert (await comptable.send(facture)).statut_transmission == "ENVOYEE"
    return facture
