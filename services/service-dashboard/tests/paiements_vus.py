"""Receipts for tests: announced, or written into the table."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from crm.events.business_pb2 import PaymentReceivedEvent
from db_utils import uuid7
from grpc_utils import timestamp
from service_dashboard.models import PaiementVu
from service_testing import Mesh

RECEIVED = datetime(2026, 2, 5, 12, tzinfo=UTC)  # noon UTC stands for the day (C3)


def announced(**fields: Any) -> PaymentReceivedEvent:
    """An announcement of a receipt of 5 February 2026; *fields* replace the usual ones."""
    unique = str(uuid7())
    usual: dict[str, Any] = {
        "event_id": unique,
        "payment_id": f"paiement-{unique}",
        "client_id": "client-123",
        "montant": 49.9,
        "date_reception": timestamp(RECEIVED),
    }
    return PaymentReceivedEvent(**(usual | fields))


async def received(
    mesh: Mesh, org: str, recu_le: datetime, montant: str = "100", **fields: Any
) -> PaiementVu:
    """Store a receipt of *org*."""
    usual: dict[str, Any] = {"client_id": "client-123", "payment_id": str(uuid7())}
    row = PaiementVu(organisation_id=org, montant=Decimal(montant), recu_le=recu_le, **(usual | fields))
    async with mesh.database("dashboard").transaction() as tx:
        return await tx.insert(row)
