"""Locks within a transaction, by name: what must not happen twice at once though no row stands for it."""

from typing import Final

from db_utils import Transaction
from sqlalchemy import String, bindparam, func, select

_LOCK: Final = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name", type_=String), 0)))


async def hold(tx: Transaction, *name: str) -> None:
    """Keep everybody else who holds *name* waiting until *tx* ends."""
    await tx.one(_LOCK, name="/".join(("users", *name)))
