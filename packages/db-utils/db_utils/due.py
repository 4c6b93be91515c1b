"""Rows that are work: taken when they are due, each with its attempt counted before it is made.

They have the columns `tentatives` and `prochain_essai`, the instant from which they may be taken.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, select

from db_utils import clock
from db_utils.tables import Row
from db_utils.transaction import Transaction

R = TypeVar("R", bound=Row)
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def due_rows(model: type[R], *criteria: ColumnElement[bool], limit: int | BindParameter[int]) -> Select[R]:
    """The statement for `take_due`: rows of *model* that are due and meet *criteria*, the longest due first.

    Rows that another process is taking are passed by: each is one process's, and nobody waits.
    """
    at: Any = model.__table__.c.prochain_essai
    return (
        select(model)
        .where(at <= bindparam("now", type_=at.type), *criteria)
        .order_by(at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


async def take_due(
    tx: Transaction,
    due: Select[R],
    waits: Sequence[timedelta],
    *,
    changes: Mapping[str, Any] = _NOTHING,
    **named: object,
) -> list[R]:
    """Take the rows that *due* finds, with *named* values, and return them as they are once *tx* commits.

    The attempt at each is counted, and its next one is due after the wait of *waits* that has its place,
    after the last one where it has none: an attempt that ends its process is made again by itself.
    *changes* are written too.
    """
    now, last = clock.now(), len(waits) - 1
    rows: list[Any] = list(await tx.all(due, now=now, **named))
    return [
        await tx.update(
            row,
            tentatives=row.tentatives + 1,
            prochain_essai=now + waits[min(row.tentatives, last)],
            **changes,
        )
        for row in rows
    ]
