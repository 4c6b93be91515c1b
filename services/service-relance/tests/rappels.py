"""Reminders for tests, written into the table, and invoices that plan them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

from crm.events.business_pb2 import InvoiceCreatedEvent
from db_utils import clock, uuid7
from grpc_utils import timestamp
from grpc_utils.errors import Unavailable
from service_relance.calendrier import recompute_marked
from service_relance.models import RegleRelance, Relance
from service_relance.quotidien import Passages, plan_daily
from service_testing import Mesh, eventually
from sqlalchemy import select


async def planned(mesh: Mesh, org: str, *relances: dict[str, Any], actif: bool = True) -> list[str]:
    """Insert reminders of *org* with these fields, in this order, by a new rule; returns their ids."""
    async with mesh.database("relance").transaction() as tx:
        regle = await tx.insert(
            RegleRelance(
                organisation_id=org,
                nom="Appel",
                declencheur="NOUVEAU_CLIENT",
                delai_jours=7,
                action_type="CREER_TACHE",
                actif=actif,
            )
        )
        rows = [
            await tx.insert(
                Relance(
                    **{
                        "organisation_id": org,
                        "regle_id": regle.id,
                        "declencheur": "NOUVEAU_CLIENT",
                        "client_id": "client-123",
                        "date_prevue": date(2026, 1, 15),
                        "a_recalculer": True,
                        "cle": f"cle-{number}",
                        **fields,
                    }
                )
            )
            for number, fields in enumerate(relances)
        ]
    return [str(row.id) for row in rows]


def issued(**fields: Any) -> InvoiceCreatedEvent:
    """Event of an invoice of 22 January 2026, due on 5 February."""
    usual: dict[str, Any] = {
        "event_id": str(uuid7()),
        "timestamp": timestamp(datetime(2026, 1, 22, 9, tzinfo=UTC)),
        "invoice_id": "facture-7",
        "client_id": "client-123",
        "montant": 49.9,
        "date_echeance": timestamp(datetime(2026, 2, 5, 12, tzinfo=UTC)),
        "numero": "FAC2026000001",
    }
    return InvoiceCreatedEvent(**(usual | fields))


@asynccontextmanager
async def without(mesh: Mesh, name: str) -> AsyncIterator[None]:
    """Service *name* is away inside; afterwards the calls of relance reach it again.

    Calls that arrive too early would open its circuit for half a minute.
    """
    async with mesh.without(name):
        yield
    await eventually(lambda: mesh["relance"].app.peers.serving(name), timeout=90)


async def patiently(work: Callable[[], Awaitable[object]]) -> None:
    """Do *work*, again while a callee on a busy machine is too slow to answer."""

    async def done() -> bool:
        try:
            await work()
        except Unavailable:
            return False
        return True

    await eventually(done, timeout=90)


async def confirmed(mesh: Mesh, org: str) -> None:
    """Have the calendar confirm each planned day of *org* which it was too slow to choose."""
    waiting = select(Relance.id).where(Relance.organisation_id == org, Relance.a_recalculer)

    async def everything() -> bool:
        await recompute_marked(mesh["relance"].app)
        return not await mesh.database("relance").read().all(waiting)

    await eventually(everything, timeout=90)


async def done_today(mesh: Mesh, part: str, org: str) -> None:
    """Run the daily job until this part of it is done for *org*, however slow the others are."""
    app = mesh["relance"].app

    async def done() -> bool:
        await plan_daily(app)
        return app.part(Passages).done.get((part, org)) == clock.today()

    await eventually(done, timeout=90)
