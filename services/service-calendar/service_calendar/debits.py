"""Rules of planned debits: lines of a plan, and the statuses a debit goes through (R19, R20)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from crm.calendar import calendar_pb2 as pb
from grpc_utils import money, one_of, opaque_id, required
from grpc_utils.errors import InvalidArgument, TransitionInterdite, entry

from service_calendar import fields
from service_calendar.models import (
    CANCELLED,
    CONFIRMED,
    EXECUTED,
    FAILED,
    PLANNED,
    PROCESSING,
    PlannedDebit,
)
from service_calendar.resolution import References

CREE, MIS_A_JOUR, INCHANGE, IGNORE, REFUSE = "CREE", "MIS_A_JOUR", "INCHANGE", "IGNORE", "REFUSE"

_CONTENT = (
    "contrat_id",
    "client_id",
    "societe_id",
    "planned_debit_date",
    "original_target_date",
    "montant",
)
CHANGEABLE: Final = frozenset({PLANNED, CONFIRMED})
# What may follow each status; steps forward may be left out (R20).
_NEXT: Final = {
    PLANNED: {CONFIRMED, PROCESSING, EXECUTED, FAILED, CANCELLED},
    CONFIRMED: {PROCESSING, EXECUTED, FAILED, CANCELLED},
    PROCESSING: {EXECUTED, FAILED},
    EXECUTED: {FAILED},
    FAILED: {PROCESSING, EXECUTED},
    CANCELLED: set[str](),
}

Place = tuple[str, int]


class DateNotEligible(InvalidArgument):
    """Aucun prélèvement n'est possible à cette date dans la zone de ce contrat."""


class LigneEnDouble(InvalidArgument):
    """Deux lignes concernent la même échéance."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line of a plan: the debit that it is about, and what it says of it (R19)."""

    schedule_id: str
    rang: int
    contrat_id: str | None
    client_id: str
    societe_id: str
    planned_debit_date: date
    original_target_date: date
    montant: Decimal

    @property
    def place(self) -> Place:
        """What tells the debit from all others of its organisation."""
        return self.schedule_id, self.rang

    @property
    def references(self) -> References:
        """What its configuration is looked for by."""
        return References(self.contrat_id or "", self.client_id, self.societe_id)

    @property
    def content(self) -> dict[str, Any]:
        """The columns that a plan of the same debit replaces."""
        return {name: getattr(self, name) for name in _CONTENT}

    def is_said_by(self, debit: PlannedDebit) -> bool:
        """Whether *debit* is planned like that already."""
        return all(getattr(debit, name) == value for name, value in self.content.items())


def wanted(lines: Sequence[pb.DebitToPlan]) -> list[Wanted]:
    """What *lines* say, each of another debit (R19); a refusal names its line. Raises InvalidArgument."""
    if not lines:
        required("", "debits")
    found: dict[Place, Wanted] = {}
    for number, line in enumerate(lines):
        with entry("debits", number):
            one = _wanted(line)
            if one.place in found:
                raise LigneEnDouble(champ="rang")
            found[one.place] = one
    return list(found.values())


def named(schedule_id: str, rang: int) -> Place:
    """The debit that a request is about. Raises ChampRequis, FormatInvalide, NombreHorsLimites."""
    return fields.required_id(schedule_id, "schedule_id"), fields.bounded(rang, 1, fields.MOST, "rang")


def _wanted(line: pb.DebitToPlan) -> Wanted:
    schedule_id, rang = named(line.schedule_id, line.rang)
    day = fields.day(line.planned_debit_date, "planned_debit_date")
    montant = money(line.montant, "montant", positive=True)
    return Wanted(
        schedule_id=schedule_id,
        rang=rang,
        contrat_id=opaque_id(line.contrat_id, "contrat_id"),
        client_id=fields.required_id(line.client_id, "client_id"),
        societe_id=opaque_id(line.societe_id, "societe_id") or "",
        planned_debit_date=day,
        original_target_date=fields.optional_day(line.original_target_date, "original_target_date") or day,
        montant=montant,
    )


def new_status(debit: PlannedDebit, request: pb.UpdatePlannedDebitStatusRequest) -> dict[str, Any]:
    """The columns that *request* changes, none for the status that *debit* has already (R20).

    Raises ChampRequis, ValeurInconnue, MontantInvalide, DateInvalide, TransitionInterdite.
    """
    statut = one_of(request.statut, _NEXT, "statut")
    reel = money(request.montant_reel, "montant_reel") if request.HasField("montant_reel") else None
    day = fields.optional_day(request.date_reelle, "date_reelle")
    if statut == debit.statut:
        return {}
    if statut not in _NEXT[debit.statut]:
        raise TransitionInterdite(de=debit.statut, vers=statut)
    changed: dict[str, Any] = {"statut": statut, "montant_reel": reel, "date_reelle": day}
    return {name: value for name, value in changed.items() if value is not None}
