"""Invoices for tests: announced, or written into the table."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from crm.events.business_pb2 import InvoiceCreatedEvent
from db_utils import uuid7
from grpc_utils import timestamp
from service_dashboard.models import FactureVue
from service_testing import Mesh

ISSUED = datetime(2026, 1, 22, 9, tzinfo=UTC)


def announced(**fields: Any) -> InvoiceCreatedEvent:
    """An announcement of an invoice of 22 January 2026; *fields* replace the usual ones."""
    unique = str(uuid7())
    usual: dict[str, Any] = {
        "event_id": unique,
        "timestamp": timestamp(ISSUED),
        "invoice_id": f"facture-{unique}",
        "client_id": "client-123",
        "montant": 49.9,
        "date_echeance": timestamp(datetime(2026, 2, 5, 12, tzinfo=UTC)),
        "numero": "FAC2026000001",
    }
    return InvoiceCreatedEvent(**(usual | fields))


async def issued(mesh: Mesh, org: str, emise_le: datetime, montant: str = "100", **fields: Any) -> FactureVue:
    """Store an invoice of *org*, due on 31 December 2999 unless *fields* say so."""
    usual: dict[str, Any] = {"client_id": "client-123", "date_echeance": date(2999, 12, 31)}
    row = FactureVue(
        organisation_id=org,
        invoice_id=str(uuid7()),
        montant=Decimal(montant),
        emise_le=emise_le,
        **(usual | fields),
    )
    async with mesh.database("dashboard").transaction() as tx:
        return await tx.insert(row)
