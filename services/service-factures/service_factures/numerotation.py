"""Numbers of invoices and avoirs, without gaps and in the order of their days (R6, R7, R8).

The series is a row of the transaction that issues: one that fails gives its number back, and what is
issued in one series is issued one after the other. Take the number last: others wait for it.
"""

from datetime import date
from typing import Any, Final

from db_utils import Transaction, clock
from grpc_utils.errors import FailedPrecondition
from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert

from service_factures.models import AVOIR, FACTURE, SequenceFacture
from service_factures.societes import FactureSettings

_SERIES: Final = ("organisation_id", "societe_id", "serie", "annee")
_new = insert(SequenceFacture).values(
    dernier_numero=1,
    derniere_date=bindparam("jour"),
    prefixe=bindparam("prefixe"),
    **{name: bindparam(name) for name in _SERIES},
)
# A day before the last one of the series changes nothing and returns nothing.
_NEXT = _new.on_conflict_do_update(
    index_elements=_SERIES,
    set_={
        "dernier_numero": SequenceFacture.dernier_numero + 1,
        "derniere_date": _new.excluded.derniere_date,
    },
    where=SequenceFacture.derniere_date <= _new.excluded.derniere_date,
).returning(SequenceFacture.dernier_numero, SequenceFacture.prefixe)


class DateEmissionFuture(FailedPrecondition):
    """Une facture n'est pas datée d'un jour à venir."""


class DateEmissionAnterieure(FailedPrecondition):
    """Une facture n'est pas datée d'un jour antérieur à la dernière de sa série."""


async def next_number(
    tx: Transaction, settings: FactureSettings, serie: str, day: date | None = None
) -> dict[str, Any]:
    """The columns of the next number of *serie*, issued on *day*, by default today.

    The prefix is that with which the series of the year began (R8). Raises DateEmissionFuture,
    DateEmissionAnterieure.
    """
    today = clock.today()
    if day is not None and day > today:
        raise DateEmissionFuture(champ="date_emission")
    wanted = day or today
    number = await _taken(tx, settings, serie, wanted)
    if number is None and day is None and clock.today() > wanted:  # midnight has passed meanwhile
        wanted = clock.today()
        number = await _taken(tx, settings, serie, wanted)
    if number is None:
        raise DateEmissionAnterieure(champ="date_emission")
    sequence, prefixe = number
    return {
        "serie": serie,
        "annee": wanted.year,
        "sequence": sequence,
        "numero": f"{prefixe}{wanted.year}{sequence:06d}",
        "date_emission": wanted,
    }


async def _taken(tx: Transaction, settings: FactureSettings, serie: str, day: date) -> tuple[int, str] | None:
    return await tx.one(
        _NEXT,
        organisation_id=settings.organisation_id,
        societe_id=settings.societe_id,
        serie=serie,
        annee=day.year,
        jour=day,
        prefixe=prefixe_of(settings, serie),
    )


def prefixe_of(settings: FactureSettings, serie: str) -> str:
    """The prefix that *settings* give to a new series."""
    return {FACTURE: settings.prefix_facture, AVOIR: settings.prefix_avoir}[serie]
