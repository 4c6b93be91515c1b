"""Rows of which there is one for each key: made at the first Save, changed by the next ones."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from db_utils import Row, Transaction
from grpc_utils.errors import VersionPerimee
from sqlalchemy import Select, bindparam, select

from service_calendar import audit

R = TypeVar("R", bound=Row)


async def put(
    tx: Transaction, row: R, key: tuple[str, ...], content: Sequence[str], *, expected: int | None = None
) -> R:
    """Insert *row*, or give its *content* to the row that has its *key*, and note it in the journal.

    Of two that insert at once the second one changes what the first one made. Raises VersionPerimee
    and VersionConflict when *expected* is not the version of what is there.
    """
    values: dict[str, Any] = row.__dict__
    statement = _locked(type(row), key)
    while True:
        former: Any = await tx.one(statement, **{name: values[name] for name in key})
        if former is not None:
            before = audit.image(former)
            await tx.update(former, expected=expected, **{name: values[name] for name in content})
            await audit.changed(tx, former, before)
            return former  # type: ignore[no-any-return]  # the statement selects rows of its class
        if expected is not None:
            raise VersionPerimee
        if await tx.insert_if_absent(row):
            await audit.created(tx, row)
            return row


@cache
def _locked(kind: type[Row], key: tuple[str, ...]) -> Select[Any]:
    columns = kind.__table__.columns
    named = (columns[name] == bindparam(name, type_=columns[name].type) for name in key)
    return select(kind).where(*named).with_for_update()
