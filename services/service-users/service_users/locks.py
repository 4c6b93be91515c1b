"""Advisory locks by name, held until the transaction ends, for what no single row stands for."""

from typing import Final

from db_utils import Transaction
from sqlalchemy import String, bindparam, func, select

# Locks have numbers: the 64-bit hash of the name stands for it.
_LOCK: Final = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name", type_=String), 0)))


async def hold(tx: Transaction, *name: str) -> None:
    """Take the lock called *name*, once nobody else holds it; it is held until *tx* ends."""
    await tx.one(_LOCK, name="/".join(("users", *name)))
