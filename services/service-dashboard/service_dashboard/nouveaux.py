"""New clients of a period and of the one before it, of all sociétés together or of each (R11)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db_utils import Reader
from sqlalchemy import String, bindparam, func, or_, select

from service_dashboard.models import ClientVu
from service_dashboard.periods import Periode

_instant = ClientVu.cree_le.type
_asked = bindparam("societe_id", type_=String)
_of_societe = or_(_asked == "", ClientVu.societe_id == _asked)
_begins, _ends = bindparam("begins", type_=_instant), bindparam("ends", type_=_instant)
# One statement counts both periods, so that they are counts of the same instant.
_counts = (func.count().filter(ClientVu.cree_le >= _begins), func.count().filter(ClientVu.cree_le < _begins))
_in_both = (ClientVu.cree_le >= bindparam("before", type_=_instant), ClientVu.cree_le < _ends, _of_societe)
_NEW: Any = select(*_counts).where(*_in_both)
_NEW_BY_SOCIETE: Any = (
    select(func.coalesce(ClientVu.societe_id, ""), *_counts).where(*_in_both).group_by(ClientVu.societe_id)
)
_KNOWN: Any = select(func.count(), func.count().filter(ClientVu.cree_le < _begins)).where(
    ClientVu.cree_le < _ends, _of_societe
)


@dataclass(frozen=True, slots=True)
class Nombres:
    """A number of clients in a period, and in the period before it."""

    current: int = 0
    previous: int = 0


async def nouveaux_clients(reader: Reader, periode: Periode, societe_id: str) -> Nombres:
    """The clients created in *periode* and in the one before it (R11)."""
    return Nombres(*(await reader.one(_NEW, **_days(periode), societe_id=societe_id) or ()))


async def by_societe(reader: Reader, periode: Periode, societe_id: str) -> Mapping[str, Nombres]:
    """The same of each société with a new client in either period; "" for those of none."""
    rows = await reader.all(_NEW_BY_SOCIETE, **_days(periode), societe_id=societe_id)
    return {societe: Nombres(current, previous) for societe, current, previous in rows}


async def clients_connus(reader: Reader, periode: Periode, societe_id: str) -> Nombres:
    """The clients known at the end of *periode*, and at the end of the one before it (R11)."""
    counted = await reader.one(_KNOWN, begins=periode.begins, ends=periode.ends, societe_id=societe_id)
    return Nombres(*(counted or ()))


def _days(periode: Periode) -> dict[str, Any]:
    return {"before": periode.previous.begins, "begins": periode.begins, "ends": periode.ends}
