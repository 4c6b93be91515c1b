"""The factures service, run once for all tests of this folder, amid those that it calls; its jobs rest."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from crm.clients.clients_pb2_grpc import (
    AdresseServiceStub,
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
)
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import (
    FactureSettingsServiceStub,
    InvoiceServiceStub,
    TransmissionServiceStub,
)
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from db_utils import clock
from service_factures.completion import COMPLETION
from service_factures.cycles import CYCLES
from service_factures.envois import ENVOIS
from service_factures.ereporting.depots import DEPOTS
from service_factures.ereporting.rappels import RAPPELS
from service_factures.fabrication import DOCUMENTS
from service_factures.releve import RELEVE
from service_factures.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, running
from service_testing.fixtures import of_member, of_stranger
from tests.alertes import Told, alerts_of
from tests.facturation import NOON, SAVED, Invoices, save
from tests.people import People

Issue = Callable[..., Awaitable[pb.Facture]]

factures = of_member(InvoiceServiceStub)
reglages = of_member(FactureSettingsServiceStub)
transmissions = of_member(TransmissionServiceStub)
clients = of_member(ClientBaseServiceStub)
adresses = of_member(AdresseServiceStub)
entreprises = of_member(ClientEntrepriseServiceStub)
contrats = of_member(ContratServiceStub)
organisations = of_member(OrganisationServiceStub)
societes = of_member(SocieteServiceStub)
foreign_factures = of_stranger(InvoiceServiceStub)
foreign_clients = of_stranger(ClientBaseServiceStub)


@pytest.fixture(scope="package")
async def mesh() -> AsyncIterator[Mesh]:
    """Everything runs but the jobs of this service."""
    own = (COMPLETION, DOCUMENTS, ENVOIS, CYCLES, RELEVE, DEPOTS, RAPPELS)
    idle = replace(SERVICE, workers=tuple(one for one in SERVICE.workers if one not in own))
    known = map(service_named, ("clients", "contrats", "notifications", "organisations"))
    async with running(idle, *known, user_sync_enabled=False) as mesh:
        yield mesh


@pytest.fixture
def noon() -> Iterator[datetime]:
    """Noon of 22 January 2026 in Paris, at which the clock stands still."""
    with clock.frozen_at(NOON):
        yield NOON


@pytest.fixture
def made(factures: InvoiceServiceStub) -> Invoices:
    """Maker of invoices of the organisation."""
    return Invoices(factures)


@pytest.fixture
def payments(mesh: Mesh, org: str) -> InvoiceServiceStub:
    """The service, called by payments for the organisation."""
    return mesh.service_stub(InvoiceServiceStub, caller="contrats", organisation=org)


@pytest.fixture
async def sold(made: Invoices, people: People, reglages: FactureSettingsServiceStub) -> Issue:
    """Maker of invoices that a French company has bought and that have to be sent to it."""
    await reglages.Save(save(**SAVED, emission_obligatoire_le="2020-01-01"))
    client = await people.company(sheet={"siren": "732829320", "numero_tva": "FR44732829320"})

    async def issue(**fields: Any) -> pb.Facture:
        facture = await made.issued(**({"client_id": client} | fields))
        assert facture.identite_statut == "COMPLETE", facture.avertissements
        return facture

    return issue


@pytest.fixture
def people(
    clients: ClientBaseServiceStub, adresses: AdresseServiceStub, entreprises: ClientEntrepriseServiceStub
) -> People:
    """Maker of clients of the organisation."""
    return People(clients, adresses, entreprises)


@pytest.fixture
def told(mesh: Mesh, org: str) -> Told:
    """Reader of what the finance team of the organisation is told."""
    return alerts_of(mesh, org)
