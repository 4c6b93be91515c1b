"""Equal changes of many locked rows as one statement each: an import changes ten thousand rows alike.

The rows in memory are changed at once, those of the database by `flush`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from db_utils import Transaction, clock
from sqlalchemy import ARRAY, Uuid, any_, bindparam, update

from service_payments.models import Payment
from service_payments.sepa_models import Mandat

_MOST: Final = 1000  # rows of one statement
_IDS: Final = "changed_ids"
Changed = Payment | Mandat


def portions(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    """Share *ids* among statements that are far from the limit of their duration (C12)."""
    ordered = sorted(ids)
    for begin in range(0, len(ordered), _MOST):
        yield ordered[begin : begin + _MOST]


class Groupes:
    """Changes that wait for one statement; the rows are locked by *tx*, so that nobody else changes them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._waiting: dict[tuple[Any, ...], list[UUID]] = {}
        self._rows: set[UUID] = set()

    async def change(self, row: Changed, **changes: Any) -> None:
        """Give *row* the values of *changes* that it does not have yet."""
        values = row.__dict__
        new = {name: value for name, value in changes.items() if values[name] != value}
        if not new:
            return
        if row.id in self._rows:
            await self.flush()  # what is changed twice is written in this order
        key = (type(row), tuple(sorted(new.items(), key=lambda item: item[0])))
        self._waiting.setdefault(key, []).append(row.id)
        self._rows.add(row.id)
        values.update(new, updated_at=clock.now(), version=values["version"] + 1)

    async def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting, self._rows = self._waiting, {}, set()
        for (kind, changes), ids in waiting.items():
            new = dict(changes)
            named = {f"new_{name}": value for name, value in new.items()}
            for some in portions(ids):
                await self._tx.execute(
                    _statement(kind, new), **{_IDS: some}, **named, new_updated_at=clock.now()
                )


def _statement(kind: Any, new: Mapping[str, Any]) -> Any:
    """Make the UPDATE of the columns of *new*, which the kernel compiles once for each set of them."""
    columns = kind.__table__.columns
    values = {name: bindparam(f"new_{name}", type_=columns[name].type) for name in (*new, "updated_at")}
    return (
        update(kind)
        .where(kind.id == any_(bindparam(_IDS, type_=ARRAY(Uuid))))
        .values(**values, version=kind.version + 1)
    )
