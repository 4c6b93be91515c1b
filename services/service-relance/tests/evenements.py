"""Events about payments for tests, and what reminders come to after them."""

from datetime import UTC, datetime
from typing import Any

from crm.events.business_pb2 import PaymentReceivedEvent, PaymentRejectedEvent
from crm.relance import relance_pb2 as pb
from db_utils import uuid7
from grpc_utils import timestamp
from service_testing import Mesh
from tests.rappels import confirmed, issued
from tests.recouvrement import Recouvrement

FACTURE = "facture-7"
PLANNED = [("2026-02-20", "PLANIFIEE", ""), ("2026-03-09", "PLANIFIEE", ""), ("2026-03-23", "PLANIFIEE", "")]


def noon(month: int, day: int) -> Any:
    """The instant that events carry for a day of 2026."""
    return timestamp(datetime(2026, month, day, 12, tzinfo=UTC))


def received(org: str, **fields: Any) -> PaymentReceivedEvent:
    """Event of the payment of an invoice of 49.90 on its due date."""
    usual = {
        "event_id": str(uuid7()),
        "timestamp": noon(2, 5),
        "payment_id": "payment-a",
        "client_id": "client-123",
        "montant": 49.9,
        "date_reception": noon(2, 5),
        "organisation_id": org,
        "facture_id": FACTURE,
    }
    return PaymentReceivedEvent(**(usual | fields))


def rejected(org: str, code: str = "MD06", **fields: Any) -> PaymentRejectedEvent:
    """Event of the return of that payment on 20 March."""
    usual = {
        "event_id": str(uuid7()),
        "timestamp": noon(3, 20),
        "payment_id": "payment-a",
        "client_id": "client-123",
        "motif_rejet": code,
        "montant": 49.9,
        "date_rejet": noon(3, 20),
        "organisation_id": org,
        "facture_id": FACTURE,
    }
    return PaymentRejectedEvent(**(usual | fields))


async def with_levels(mesh: Mesh, org: str) -> Recouvrement:
    """The office of *org*, with three levels planned about an invoice of another system."""
    await mesh.deliver(issued(organisation_id=org))
    await confirmed(mesh, org)
    return Recouvrement(mesh, org)


async def impayes(bureau: Recouvrement) -> list[tuple[str, str, str]]:
    """Planned day, statut and motif of the levels, in the order of planning."""
    found = await bureau.relances(facture_id=FACTURE, declencheur="IMPAYE")
    return [(one.date_prevue, one.statut, one.motif) for one in sorted(found, key=lambda one: one.id)]


async def calls(bureau: Recouvrement) -> list[pb.Relance]:
    """Calls about rejected debits, by planned day."""
    await confirmed(bureau.mesh, bureau.org)
    return await bureau.relances(declencheur="REJET_PRELEVEMENT")
