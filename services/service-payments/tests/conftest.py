"""The payments service, run once for all tests of this folder, amid those that it calls; its jobs rest."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from crm.calendar.calendar_pb2_grpc import DebitConfigurationServiceStub, PlannedDebitServiceStub
from crm.contrats.contrats_pb2 import Contrat
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceStub, ContratServiceStub
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.payments.payments_pb2 import Schedule
from crm.payments.payments_pb2_grpc import (
    MandateServiceStub,
    PaymentScheduleServiceStub,
    PaymentServiceStub,
    SepaServiceStub,
)
from db_utils import clock
from service_kit.registry import service_named
from service_payments.service import SERVICE
from service_testing import Mesh, running
from service_testing.fixtures import of_member
from tests.debits_due import RUN, Debits
from tests.encaissements import Encaissements
from tests.monthly_sales import MONDAY, save_day, schedule_of, signed

contrats = of_member(ContratServiceStub)
orchestrations = of_member(ContractOrchestrationServiceStub)
echeanciers = of_member(PaymentScheduleServiceStub)
prelevements = of_member(PlannedDebitServiceStub)
reglages = of_member(DebitConfigurationServiceStub)
factures = of_member(InvoiceServiceStub)
paiements = of_member(PaymentServiceStub)
mandats = of_member(MandateServiceStub)
sepa = of_member(SepaServiceStub)


@pytest.fixture(scope="package")
async def mesh() -> AsyncIterator[Mesh]:
    """Everything runs but the jobs of this service."""
    known = map(service_named, ("calendar", "contrats", "factures", "notifications"))
    async with running(replace(SERVICE, workers=()), *known, user_sync_enabled=False) as mesh:
        yield mesh


@pytest.fixture
def banque(mesh: Mesh, org: str, sepa: SepaServiceStub) -> Encaissements:
    """Debits of a new organisation that are with the bank."""
    return Encaissements(mesh, org, sepa)


@pytest.fixture
def due(
    mesh: Mesh, org: str, sepa: SepaServiceStub, mandats: MandateServiceStub, factures: InvoiceServiceStub
) -> Debits:
    """Debits of a new organisation that wait for their emission."""
    return Debits(mesh, org, sepa, mandats, factures)


@pytest.fixture
def at_six() -> Iterator[None]:
    """Tuesday 3 February 2026, 06:00 in Paris."""
    with clock.frozen_at(RUN):
        yield


@pytest.fixture
def on_monday() -> Iterator[None]:
    """Monday 12 January 2026, 10:00 in Paris."""
    with clock.frozen_at(MONDAY):
        yield


@pytest.fixture
async def the_fifth(reglages: DebitConfigurationServiceStub) -> None:
    """The société debits on the 5th, or the business day after it."""
    await save_day(reglages, 5)


@pytest.fixture
async def sold(
    contrats: ContratServiceStub, echeanciers: PaymentScheduleServiceStub
) -> tuple[Contrat, Schedule]:
    """A signed contract with the schedule that it has got."""
    contrat = await contrats.Create(signed())
    return contrat, await schedule_of(echeanciers, contrat.id)
