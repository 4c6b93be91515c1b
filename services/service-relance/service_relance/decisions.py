"""Decisions of a run as pure functions: the order of levels (R13), groups (R14), one mail a day (R15).

`execution.py` asks for what they need and carries out what they leave.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from db_utils.clock import PARIS

from service_relance.models import ANNULEE, ENVOYER_EMAIL, IMPAYE, PLANIFIEE, TACHE_ET_EMAIL, Relance

NIVEAU_PRECEDENT, MAIL_DU_JOUR = "NIVEAU_PRECEDENT", "MAIL_DU_JOUR"  # motifs of another day

MAILED: Final = (ENVOYER_EMAIL, TACHE_ET_EMAIL)  # actions that write to the client
_BETWEEN_LEVELS: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Move:
    """Reminder that waits for *not_before*, or the first eligible day after it, because of *motif*."""

    relance: Relance
    not_before: date
    motif: str


@dataclass(frozen=True, slots=True)
class Group:
    """Reminders of one client, société, trigger and level that make one mail and one task (R14)."""

    relances: tuple[Relance, ...]

    @property
    def first(self) -> Relance:
        """The reminder that speaks for all: the one planned first."""
        return self.relances[0]

    @property
    def envoi_id(self) -> UUID:
        """Id of the `Envoi` of the group: that of a former run, else that of its first reminder."""
        return self.first.envoi_id or self.first.id

    @property
    def pending(self) -> bool:
        """Whether a run has tried it before, with a content that is kept."""
        return self.first.envoi_id is not None


def in_order(
    due: Sequence[Relance], siblings: Iterable[Relance], today: date
) -> tuple[list[Relance], list[Move]]:
    """What of *due* may be carried out *today*, and what waits for its former level (R13).

    *siblings* are all levels of the invoices of *due*, whatever became of them. Of an invoice at
    most one level is left, so that a service that was stopped for long does not send three in a day.
    """
    levels, ready, moved = _levels(siblings), list[Relance](), list[Move]()
    day_of: dict[tuple[str, int], date] = {}  # the days of levels that are planned, as they come to be
    for relance in sorted(due, key=lambda one: (one.niveau, one.id)):
        if relance.declencheur != IMPAYE or relance.facture_id is None:
            ready.append(relance)
            continue
        day = _first_day(relance, levels.get(relance.facture_id, {}), day_of, today)
        if day <= today:
            ready.append(relance)
        else:
            moved.append(Move(relance, day, NIVEAU_PRECEDENT))
        day_of[relance.facture_id, relance.niveau] = max(day, today)
    return ready, moved


def _levels(siblings: Iterable[Relance]) -> Mapping[str, Mapping[int, Relance]]:
    """By invoice and level the reminder that counts: the last one that was planned and not cancelled."""
    levels: dict[str, dict[int, Relance]] = {}
    for relance in sorted(siblings, key=lambda one: one.id):
        if relance.statut != ANNULEE and relance.facture_id is not None:
            levels.setdefault(relance.facture_id, {})[relance.niveau] = relance
    return levels


def _first_day(
    relance: Relance, levels: Mapping[int, Relance], day_of: Mapping[tuple[str, int], date], today: date
) -> date:
    """The first day for *relance*: seven days after the former level, *today* where there is none."""
    former = max((niveau for niveau in levels if niveau < relance.niveau), default=None)
    if former is None:
        return today
    previous = levels[former]
    if previous.statut == PLANIFIEE:
        planned = day_of.get((relance.facture_id or "", former), previous.date_prevue)
        return max(planned, today) + _BETWEEN_LEVELS
    ended = previous.executee_le or previous.updated_at
    return ended.astimezone(PARIS).date() + _BETWEEN_LEVELS


def grouped(ready: Iterable[Relance]) -> list[Group]:
    """Groups of *ready* (R14), those that were tried before as they were then."""
    groups: dict[object, list[Relance]] = {}
    for relance in sorted(ready, key=lambda one: one.id):
        same = (relance.client_id, relance.societe_id, relance.declencheur, relance.niveau)
        groups.setdefault((*same, relance.envoi_id), []).append(relance)
    return [Group(tuple(relances)) for relances in groups.values()]


def one_mail(
    groups: Sequence[Group], mailed: Collection[Group], *, written_today: bool, today: date
) -> tuple[list[Group], list[Move]]:
    """What of *groups*, all of one client, is carried out *today*, and what waits for another day (R15).

    *mailed* are those of them that would write to the client, of which one goes: one whose mail may be
    on its way already, else the highest level, else the oldest. *written_today*: none.
    """
    by_right = sorted(mailed, key=lambda one: (not one.pending, -one.first.niveau, one.first.date_prevue))
    waiting = by_right if written_today else by_right[1:]
    moved = [
        Move(relance, today + timedelta(days=1), MAIL_DU_JOUR) for one in waiting for relance in one.relances
    ]
    return [one for one in groups if one not in waiting], moved
