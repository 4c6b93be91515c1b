"""The journal of changes: who changed which row, what it was before and what it is after (R25).

Each function writes into the transaction of the change; there is no other writer.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from db_utils import Row, Transaction
from grpc_utils import caller

from service_calendar.models import API, CONFIRM, CREATE, CSV, DELETE, UI, UPDATE, CalendarAudit, CsvImport

Image = dict[str, Any]

_LONG: Final = frozenset({"lignes"})  # columns that the journal does without


def image(row: Row) -> Image:
    """The columns of *row* as JSON knows them; take it before a change, which alters *row* itself."""
    columns = row.__table__.columns
    values = {column.name: getattr(row, column.key) for column in columns if column.key not in _LONG}
    return {name: _plain(value) for name, value in values.items()}


async def created(tx: Transaction, row: Any, *, by_file: bool = False) -> None:
    """Note that *row* is new; *by_file* says that a CSV file brought it."""
    await _note(tx, CREATE, row, None, image(row), by_file=by_file)


async def changed(tx: Transaction, row: Any, before: Image) -> None:
    """Note that *row* was *before*; without a difference nothing is noted."""
    after = image(row)
    if after != before:
        await _note(tx, UPDATE, row, before, after)


async def changed_by_file(tx: Transaction, row: Any, changes: Mapping[str, object]) -> None:
    """Note that a CSV file brings *changes* to *row*, which is still as it was."""
    before = image(row)
    after = before | {name: _plain(value) for name, value in changes.items()}
    await _note(tx, UPDATE, row, before, after, by_file=True)


async def deleted(tx: Transaction, row: Any) -> None:
    """Note that *row* is gone."""
    await _note(tx, DELETE, row, image(row), None)


async def confirmed(tx: Transaction, row: CsvImport, before: Image | None) -> None:
    """Note that the file of *row* was applied."""
    await _note(tx, CONFIRM, row, before, image(row))


async def _note(
    tx: Transaction,
    action: str,
    row: Any,
    before: Image | None,
    after: Image | None,
    *,
    by_file: bool = False,
) -> None:
    identity = caller()
    line = CalendarAudit(
        organisation_id=row.organisation_id,
        entity_type=row.__tablename__,
        entity_id=str(row.id),
        action=action,
        acteur=identity.subject,
        source=CSV if by_file else UI if identity.kind == "user" else API,
        avant=before,
        apres=after,
    )
    await tx.insert(line)


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case time():
            return value.isoformat("minutes")
        case Decimal() | UUID():
            return str(value)
    return value
