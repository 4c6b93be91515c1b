"""References of commissions and bordereaux, without gaps: their counters are rows of the transaction.

Take the number of a bordereau last: others of the organisation wait for it.
"""

from typing import Final

from db_utils import Reader, Transaction
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from service_commission.models import Compteur

_NEXT: Final = (
    insert(Compteur)
    .values(
        organisation_id=bindparam("organisation_id"), serie=bindparam("serie"), valeur=bindparam("nombre")
    )
    .on_conflict_do_update(
        index_elements=["organisation_id", "serie"], set_={"valeur": Compteur.valeur + bindparam("nombre")}
    )
    .returning(Compteur.valeur)
)
_LAST: Final = select(Compteur.valeur).where(Compteur.serie == bindparam("serie"))


async def next_commissions(tx: Transaction, organisation_id: str, periode: str, count: int = 1) -> list[str]:
    """The next *count* references of commissions of *periode*: COM-2026-02-000001."""
    last = await _taken(tx, organisation_id, f"COM-{periode}", count)
    return [f"COM-{periode}-{number:06d}" for number in range(last - count + 1, last + 1)]


async def next_bordereau(tx: Transaction, organisation_id: str, periode: str) -> str:
    """The next reference of a bordereau of *periode*; its numbers are those of the year (R25)."""
    return _bordereau(periode, await _taken(tx, organisation_id, _year(periode), 1))


async def expected_bordereau(reader: Reader, periode: str) -> str:
    """The reference that a bordereau of *periode* has if no other is validated before it."""
    return _bordereau(periode, (await reader.one(_LAST, serie=_year(periode)) or 0) + 1)


def _year(periode: str) -> str:
    return f"BRD-{periode[:4]}"


def _bordereau(periode: str, number: int) -> str:
    return f"BRD-{periode}-{number:06d}"


async def _taken(tx: Transaction, organisation_id: str, serie: str, count: int) -> int:
    last = await tx.one(_NEXT, organisation_id=organisation_id, serie=serie, nombre=count)
    assert last is not None, "the counter was written"
    return last
