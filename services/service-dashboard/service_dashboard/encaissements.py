"""Receipts completed and corrected from payments, which owns them (R18); `projections.py` runs it."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

from crm.payments.payments_pb2 import ListPaymentsRequest, Payment
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from db_utils import Database, Transaction, context, parse_uuid
from grpc_utils import Peers, all_pages
from sqlalchemy import ARRAY, String, any_, bindparam, delete, select

from service_dashboard import rules
from service_dashboard.models import PaiementVu

_RECEIVED: Final = ("PAID", "PARTIALLY_REFUNDED")
_CHUNK: Final = 1000  # rows of one statement
_ids = bindparam("ids", type_=ARRAY(String))
_STORED = select(PaiementVu).where(PaiementVu.payment_id == any_(_ids))
_old = PaiementVu.vu_le < bindparam("begun", type_=PaiementVu.vu_le.type)
_OLD_IDS = select(PaiementVu.payment_id).where(_old)
_FORGET = delete(PaiementVu).where(PaiementVu.payment_id == any_(_ids), _old)


async def rebuild_receipts(database: Database, peers: Peers, begun: datetime) -> int:
    """Make the receipts of the scope's organisation what payments tells; return how many rows changed.

    Rows that came after *begun* are left alone: payments may not have been asked about them. Raises like
    the calls of payments.
    """
    changed, received = 0, set[str]()
    async for page in _pages(peers):
        received.update(one.id for one in page)
        changed += await _correct(database, page, begun)
    return changed + await _forget_others(database, received, begun)


async def _pages(peers: Peers) -> AsyncIterator[Sequence[Payment]]:
    request = ListPaymentsRequest(statut=_RECEIVED)
    async for answer in all_pages(peers.stub(PaymentServiceStub).List, request):
        yield answer.payments


async def _correct(database: Database, payments: Sequence[Payment], begun: datetime) -> int:
    organisation_id = context.scope.get().organisation_id or ""
    known = [rules.paiement_of(one, organisation_id) for one in payments]
    async with database.transaction() as tx:
        rows = await tx.all(_STORED, ids=[one.payment_id for one in known])
        stored = {row.payment_id: row for row in rows}
        return sum([await _corrected(tx, stored.get(one.payment_id), one, begun) for one in known])


async def _corrected(tx: Transaction, stored: PaiementVu | None, known: PaiementVu, begun: datetime) -> bool:
    if stored is None:
        return await tx.insert_if_absent(known)
    if stored.montant == known.montant or stored.vu_le >= begun:
        return False
    await tx.update(stored, montant=known.montant)
    return True


async def _forget_others(database: Database, received: set[str], begun: datetime) -> int:
    """Forget the receipts that banks have taken back, or that were paid back whole.

    Payments of outside systems (C2) stay: payments knows nothing of them.
    """
    ids = await database.read().all(_OLD_IDS, begun=begun)
    gone = [one for one in ids if parse_uuid(one) is not None and one not in received]
    forgotten = 0
    for start in range(0, len(gone), _CHUNK):
        async with database.transaction() as tx:
            forgotten += await tx.execute(_FORGET, ids=gone[start : start + _CHUNK], begun=begun)
    return forgotten
