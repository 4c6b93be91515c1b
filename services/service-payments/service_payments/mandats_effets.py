"""What the outcome of a debit does to its mandate (R12, R18), in the transaction of the outcome."""

from datetime import date
from uuid import UUID

from db_utils import Transaction

from service_payments import mandats_rules
from service_payments.sepa_models import Mandat


async def apply_return(tx: Transaction, mandat_id: UUID | None, code: str) -> Mandat | None:
    """Revoke or suspend the mandate as the *code* of a return says; return it if it has changed (R12).

    After `mandats_rules.DECES` the caller pauses the schedules of its client too.
    """
    mandat = await _locked(tx, mandat_id)
    changed = mandats_rules.after_return(mandat, code) if mandat else {}
    return await tx.update(mandat, **changed) if mandat and changed else None


async def settled(tx: Transaction, mandat_id: UUID | None, day: date) -> None:
    """Note the first settlement of the mandate, and that one of a single debit is used up (R12, R18)."""
    mandat = await _locked(tx, mandat_id)
    if mandat is not None:
        await tx.update(mandat, **mandats_rules.after_settlement(mandat, day))


async def _locked(tx: Transaction, mandat_id: UUID | None) -> Mandat | None:
    return await tx.get(Mandat, mandat_id, lock=True) if mandat_id else None
