"""What relance asks of factures when an invoice is announced: when it is due (R6)."""

import asyncio
from typing import Any

import pytest
from crm.factures.factures_pb2 import CreateFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceStub
from service_testing import Mesh, eventually
from tests.rappels import issued


async def reminders(mesh: Mesh, org: str) -> list[pb.Relance]:
    """Reminders of *org* about unpaid invoices, the earliest first."""
    stub = mesh.stub(RelanceServiceStub, organisation=org)
    return list((await stub.List(pb.ListRelancesRequest(declencheur="IMPAYE"))).relances)


async def drafted(factures: InvoiceServiceStub, **fields: Any) -> str:
    """Id of an invoice of which factures has announced nothing."""
    request = CreateFactureRequest(client_id="client-123", montant=49.9, brouillon=True, **fields)
    return (await factures.Create(request)).id


async def test_R06_a_due_date_that_the_event_does_not_tell_is_asked_of_factures(
    mesh: Mesh, org: str, factures: InvoiceServiceStub, caplog: pytest.LogCaptureFixture
) -> None:
    """The event waits while factures is away."""
    facture_id = await drafted(factures, date_echeance="2026-02-05")
    event = issued(organisation_id=org, invoice_id=facture_id, date_echeance=None)
    async with mesh.without("factures"):
        delivery = asyncio.create_task(mesh.deliver(event))
        await eventually(lambda: "relance--invoice-created waits: DependanceIndisponible" in caplog.text)
        assert await reminders(mesh, org) == []
    await delivery
    assert [(one.date_echeance, one.date_prevue) for one in await reminders(mesh, org)] == [
        ("2026-02-05", "2026-02-20"),
        ("2026-02-05", "2026-03-09"),
        ("2026-02-05", "2026-03-23"),
    ]


async def test_R06_a_due_date_that_nobody_tells_is_the_legal_one(
    mesh: Mesh, org: str, factures: InvoiceServiceStub, foreign_factures: InvoiceServiceStub
) -> None:
    """Thirty days after 22 January, whether the invoice has none or is that of somebody else."""
    theirs = await drafted(foreign_factures, date_echeance="2026-02-05")
    for facture_id in (await drafted(factures), theirs):
        await mesh.deliver(issued(organisation_id=org, invoice_id=facture_id, date_echeance=None))
    assert {one.facture_id for one in await reminders(mesh, org)} >= {theirs}
    assert [one.date_echeance for one in await reminders(mesh, org)] == ["2026-02-21"] * 6
