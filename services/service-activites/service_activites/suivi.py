"""What stands out among the tasks: late ones, those due soon, counts (R12, R14, R15)."""

from datetime import datetime
from functools import cache
from typing import Any

from crm.activites import activites_pb2 as pb
from db_utils import Reader, clock
from grpc_utils import to_message
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select

from service_activites.models import Tache, nulls_last
from service_activites.periodes import OPEN, is_late, tomorrow

_MOST = 10  # tasks of each kind in the alerts (R15)

_open = or_(*(Tache.statut == statut for statut in OPEN))
_due = nulls_last(
    "date_echeance"
)  # as the indexes hold it; a task without a due date is due after all others
LATE = and_(_open, _due < bindparam("now"))
DUE = and_(_due >= bindparam("debut"), _due < bindparam("fin"))


def message(tache: Tache, now: datetime) -> pb.Tache:
    """*tache* as it is told at *now*."""
    return to_message(tache, pb.Tache, metadata=tache.metadata_ or None, en_retard=is_late(tache, now))


async def stats(reader: Reader, assigne_a: str) -> pb.StatsTaches:
    """Counts of tasks by statut, of those of *assigne_a* unless it is empty (R14)."""
    rows = await reader.all(_counts(bool(assigne_a)), assigne_a=assigne_a, now=clock.now())
    counts = {statut: count for statut, count, _ in rows}
    return pb.StatsTaches(total=sum(counts.values()), en_retard=sum(late for *_, late in rows), **counts)


async def alertes(reader: Reader, assigne_a: str) -> pb.AlertesTaches:
    """Open tasks that are late or due tomorrow, of *assigne_a* unless it is empty (R15)."""
    now, whose = clock.now(), bool(assigne_a)
    debut, fin = tomorrow(clock.today())
    late = await reader.all(_soonest(LATE, whose), assigne_a=assigne_a, now=now)
    due = await reader.all(_soonest(and_(_open, DUE), whose), assigne_a=assigne_a, debut=debut, fin=fin)
    return pb.AlertesTaches(
        en_retard=[message(tache, now) for tache in late],
        echeance_demain=[message(tache, now) for tache in due],
    )


@cache
def _counts(of_somebody: bool) -> Select[str, int, int]:
    late = func.count().filter(LATE)
    return select(Tache.statut, func.count(), late).where(*_whose(of_somebody)).group_by(Tache.statut)


def _soonest(criterion: ColumnElement[bool], of_somebody: bool) -> Select[Tache]:
    return select(Tache).where(criterion, *_whose(of_somebody)).order_by(_due, Tache.id).limit(_MOST)


def _whose(of_somebody: bool) -> list[Any]:
    return [Tache.assigne_a == bindparam("assigne_a")] if of_somebody else []
