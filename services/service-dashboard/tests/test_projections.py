"""Projections compared with their sources (R18): a real factures with its credit notes, a real clients."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from crm.clients import clients_pb2
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import EvolutionCaServiceStub, ProjectionServiceStub
from crm.factures import factures_pb2
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import clock
from grpc import StatusCode
from service_dashboard.models import ClientVu, FactureVue, Reconstruction
from service_dashboard.projections import nightly
from service_dashboard.service import SERVICE
from service_kit.registry import service_named
from service_testing import Mesh, eventually, refused, running
from sqlalchemy import delete, select
from tests.payments_double import payments

EVERYTHING = (1, 2)  # clients and invoices of `Bureau.filled`


@pytest.fixture(scope="module")
async def sources() -> AsyncIterator[Mesh]:
    """The dashboard amid those that it asks."""
    known = map(service_named, ("clients", "contrats", "factures", "notifications", "organisations"))
    doubles = {"payments": [payments()]}
    async with running(SERVICE, *known, doubles=doubles, user_sync_enabled=False) as mesh:
        yield mesh


class Bureau:
    """An organisation with clients and invoices, and its figures."""

    def __init__(self, mesh: Mesh, org: str) -> None:
        self.mesh, self.org = mesh, org
        self.factures = mesh.stub(InvoiceServiceStub, organisation=org)
        self.clients = mesh.stub(ClientBaseServiceStub, organisation=org)
        self._evolution = mesh.stub(EvolutionCaServiceStub, organisation=org)
        self._projections = mesh.service_stub(ProjectionServiceStub, caller="clients", organisation=org)

    async def filled(self) -> factures_pb2.Facture:
        """An invoice of 1000 \u20ac and one of 50 \u20ac to one client, once the dashboard knows of them."""
        await self.clients.Create(clients_pb2.CreateClientBaseRequest(nom="Dupont"))
        facture, _ = [await self.issued(montant) for montant in (1000.0, 50.0)]
        await eventually(self._is_known, timeout=30)
        return facture

    async def issued(self, montant: float, *, brouillon: bool = False) -> factures_pb2.Facture:
        """An invoice to a client of another system."""
        request = factures_pb2.CreateFactureRequest(
            client_id="client-123", montant=montant, brouillon=brouillon
        )
        return await self.factures.Create(request)

    async def credited(self, facture: factures_pb2.Facture, montant: float) -> None:
        """A credit note about a part of *facture*."""
        await self.factures.CreateCreditNote(
            factures_pb2.CreateCreditNoteRequest(id=facture.id, motif="Geste commercial", montant=montant)
        )

    async def rebuilt(self) -> tuple[int, int]:
        """The clients and invoices that a reconstruction has added or corrected."""
        answer = await self._projections.Reconstruire(pb.ReconstruireRequest(organisation_id=self.org))
        return answer.clients, answer.factures

    async def revenue(self) -> float:
        """The revenue of the last months."""
        answer = await self._evolution.GetEvolutionCa(pb.DashboardFilters())
        return sum(one.ca_realise for one in answer.donnees)

    async def forgotten(self) -> None:
        """Everything that events have told is lost."""
        async with self.mesh.database("dashboard").transaction() as tx:
            for kind in (ClientVu, FactureVue, Reconstruction):
                await tx.execute(delete(kind).where(kind.organisation_id == self.org))

    async def invoices(self) -> list[tuple[str, Decimal]]:
        """Numbers and amounts of the rows of invoices."""
        rows = (
            await self.mesh.database("dashboard")
            .read()
            .all(select(FactureVue).where(FactureVue.organisation_id == self.org).order_by(FactureVue.numero))
        )
        return [(row.numero, row.montant) for row in rows]

    async def _is_known(self) -> bool:
        clients = select(ClientVu.client_id).where(ClientVu.organisation_id == self.org)
        known = await self.mesh.database("dashboard").read().all(clients)
        return (len(known), len(await self.invoices())) == EVERYTHING


@pytest.fixture
async def bureau(sources: Mesh, org: str) -> Bureau:
    """An organisation of which nobody knows anything yet; the dashboard reaches its sources."""
    peers = sources["dashboard"].app.peers
    for name in ("clients", "factures", "payments"):
        await eventually(partial(peers.serving, name))
    return Bureau(sources, org)


async def test_R18_revenue_is_less_the_credit_notes(bureau: Bureau) -> None:
    """They are announced by no event: the reconstruction finds them, and corrects each row once."""
    facture = await bureau.filled()
    await bureau.credited(facture, 400.0)
    assert await bureau.revenue() == 1050.0
    assert await bureau.rebuilt() == (0, 1)
    assert await bureau.revenue() == 650.0
    assert await bureau.rebuilt() == (0, 0)


async def test_R18_what_no_event_has_told_is_added(bureau: Bureau) -> None:
    """Issued invoices alone, as their events would have told them; credit notes and drafts are none."""
    facture = await bureau.filled()
    told = await bureau.invoices()
    await bureau.credited(facture, 1000.0)
    await bureau.issued(70.0, brouillon=True)
    await bureau.forgotten()
    assert (await bureau.rebuilt(), await bureau.rebuilt()) == (EVERYTHING, (0, 0))
    assert await bureau.invoices() == [(told[0][0], Decimal(0)), told[1]]


async def test_R18_all_pages_are_read(bureau: Bureau) -> None:
    """A hundred rows are a page; one more is another."""
    requests = [clients_pb2.CreateClientBaseRequest(nom=f"Dupont {number}") for number in range(101)]
    await asyncio.gather(*map(bureau.clients.Create, requests))
    await bureau.forgotten()
    await bureau.rebuilt()
    mine = select(ClientVu).where(ClientVu.organisation_id == bureau.org)
    assert len(await bureau.mesh.database("dashboard").read().all(mine)) == 101


async def test_R18_an_invoice_younger_than_the_run_is_left_to_its_event(bureau: Bureau) -> None:
    """The clock of the run stands an hour before the issue."""
    await bureau.filled()
    await bureau.forgotten()
    with clock.frozen_at(clock.now() - timedelta(hours=1)):
        _, factures = await Bureau(bureau.mesh, bureau.org).rebuilt()
    assert (factures, await bureau.invoices()) == (0, [])


async def test_R18_a_source_that_is_away_is_told(bureau: Bureau) -> None:
    """And the run can be repeated."""
    await bureau.filled()
    await bureau.forgotten()
    async with bureau.mesh.without("factures"):
        assert await refused(bureau.rebuilt()) == (StatusCode.UNAVAILABLE, "DEPENDANCE_INDISPONIBLE")
    await eventually(lambda: bureau.mesh["dashboard"].app.peers.serving("factures"))
    await bureau.rebuilt()
    assert len(await bureau.invoices()) == 2


async def test_R18_an_organisation_has_one_run_at_a_time(bureau: Bureau) -> None:
    """Another organisation's is not in its way."""
    await bureau.filled()
    async with bureau.mesh.database("dashboard").exclusive(f"projections:{bureau.org}"):
        assert await refused(bureau.rebuilt()) == (StatusCode.ABORTED, "RECONSTRUCTION_EN_COURS")
        assert await Bureau(bureau.mesh, f"{bureau.org}-autre").rebuilt() == (0, 0)


async def test_R18_the_job_runs_once_a_day(bureau: Bureau) -> None:
    """For organisations with news: what changes during the day is seen the next day."""
    app, facture, now = bureau.mesh["dashboard"].app, await bureau.filled(), clock.now()
    with clock.frozen_at(now):
        await nightly(app)
        await bureau.credited(facture, 400.0)
        await nightly(app)
        today = await bureau.revenue()
    with clock.frozen_at(now + timedelta(days=1)):
        await nightly(app)
    assert (today, await bureau.revenue()) == (1050.0, 650.0)
