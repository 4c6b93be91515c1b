"""The plan of debits in one transaction: lines against what is planned already, then volumes (R19, R22)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from db_utils import Transaction
from grpc_utils.errors import Refusal
from sqlalchemy import ARRAY, Date, Integer, String, any_, bindparam, func, select

from service_calendar import reading
from service_calendar.alertes import tell_exceeded
from service_calendar.debits import (
    CHANGEABLE,
    CREE,
    IGNORE,
    INCHANGE,
    MIS_A_JOUR,
    REFUSE,
    DateNotEligible,
    Place,
    Wanted,
)
from service_calendar.models import CANCELLED, PlannedDebit, VolumeThreshold
from service_calendar.resolution import Configurations
from service_calendar.volumes import CRITICAL, Volume, level, threshold_for

PLACE_TAKEN: Final = "uq_planned_debit_rang"

# In one order, so that two plans of the same debits never wait for each other.
_PLANNED = (
    select(PlannedDebit)
    .where(
        PlannedDebit.organisation_id == bindparam("organisation_id"),
        PlannedDebit.schedule_id == any_(bindparam("schedules", type_=ARRAY(String))),
        PlannedDebit.rang == any_(bindparam("rangs", type_=ARRAY(Integer))),
    )
    .order_by(PlannedDebit.schedule_id, PlannedDebit.rang)
    .with_for_update()
)
THRESHOLDS: Final = select(VolumeThreshold).where(
    VolumeThreshold.organisation_id == bindparam("organisation_id"), VolumeThreshold.actif
)
VOLUMES: Final = (
    select(PlannedDebit.planned_debit_date, func.count(), func.sum(PlannedDebit.montant))
    .where(PlannedDebit.organisation_id == bindparam("organisation_id"), PlannedDebit.statut != CANCELLED)
    .group_by(PlannedDebit.planned_debit_date)
)
"""The number and the sum of the debits of each day that are not cancelled (R21)."""

_OF_DAYS = VOLUMES.where(
    PlannedDebit.societe_id == bindparam("societe_id"),
    PlannedDebit.planned_debit_date == any_(bindparam("days", type_=ARRAY(Date))),
)


@dataclass(frozen=True, slots=True)
class Line:
    """What became of a line: the debit as it is now, or why it was refused."""

    wanted: Wanted
    resultat: str
    debit: PlannedDebit | None = None
    refusal: Refusal | None = None


async def plan(tx: Transaction, organisation_id: str, asked: Sequence[Wanted]) -> list[Line]:
    """Write the debits that are new or changed, and owe the notifications of days that became too full.

    Raises Conflict when somebody else is planning one of them for the first time; then the whole may
    be run again.
    """
    known = await _known(tx, organisation_id, asked)
    configured = await reading.configurations(tx, organisation_id, {one.references for one in asked})
    moved = [one for one in asked if _is_moved(one, known.get(one.place))]
    refused = await _refused(tx, organisation_id, moved, configured)
    lines = [_line(one, known.get(one.place), refused.get(one.place)) for one in asked]
    written = [
        await _written(tx, organisation_id, line, configured.resolve(line.wanted.references).batch)
        for line in lines
    ]
    await _watch_volumes(
        tx, organisation_id, [one.wanted for one in written if one.resultat in (CREE, MIS_A_JOUR)]
    )
    return written


async def _known(tx: Transaction, organisation_id: str, asked: Iterable[Wanted]) -> dict[Place, PlannedDebit]:
    """What is planned already of the debits that are asked for, locked; perhaps others of their schedules."""
    schedules = sorted({one.schedule_id for one in asked})
    rangs = sorted({one.rang for one in asked})
    rows = await tx.all(_PLANNED, organisation_id=organisation_id, schedules=schedules, rangs=rangs)
    return {(row.schedule_id, row.rang): row for row in rows}


def _is_moved(wanted: Wanted, known: PlannedDebit | None) -> bool:
    """Whether a line brings another day than what is planned: that day is checked."""
    if known is None:
        return True
    return known.statut in CHANGEABLE and known.planned_debit_date != wanted.planned_debit_date


async def _refused(
    tx: Transaction, organisation_id: str, moved: Sequence[Wanted], configured: Configurations
) -> Mapping[Place, Refusal]:
    """Which of *moved* fall on days that are not eligible in their zones."""
    if not moved:
        return {}
    zones = {one.place: configured.resolve(one.references).zone_code for one in moved}
    days = {one.planned_debit_date for one in moved}
    calendars = await reading.calendars(tx, organisation_id, set(zones.values()), days)
    return {
        one.place: DateNotEligible(champ="planned_debit_date")
        for one in moved
        if not calendars[zones[one.place]].is_eligible(one.planned_debit_date)
    }


def _line(wanted: Wanted, known: PlannedDebit | None, refusal: Refusal | None) -> Line:
    """What is to become of a line, given what is planned of its debit (R19)."""
    if refusal is not None:
        return Line(wanted, REFUSE, refusal=refusal)
    if known is None:
        return Line(wanted, CREE)
    if wanted.is_said_by(known):
        return Line(wanted, INCHANGE, known)
    return Line(wanted, MIS_A_JOUR if known.statut in CHANGEABLE else IGNORE, known)


async def _written(tx: Transaction, organisation_id: str, line: Line, batch: str) -> Line:
    """The line with the debit as it is after it."""
    wanted, content = line.wanted, {**line.wanted.content, "batch": batch or None}
    if line.resultat == CREE:
        schedule_id, rang = wanted.place
        row = PlannedDebit(organisation_id=organisation_id, schedule_id=schedule_id, rang=rang, **content)
        return replace(line, debit=await tx.insert(row))
    if line.resultat == MIS_A_JOUR and line.debit is not None:
        await tx.update(line.debit, **content)
    return line


async def _watch_volumes(tx: Transaction, organisation_id: str, changed: Sequence[Wanted]) -> None:
    """Owe a notification for each day of a société that is too full now (R22).

    Plans of one société wait here for each other, so that none overlooks what the other one adds.
    """
    thresholds = await tx.all(THRESHOLDS, organisation_id=organisation_id) if changed else []
    days: dict[str, set[date]] = {}
    for one in changed:
        days.setdefault(one.societe_id, set()).add(one.planned_debit_date)
    for societe_id in sorted(days):
        threshold = threshold_for(societe_id, thresholds)
        if threshold is None:
            continue
        await tx.lock("volume", organisation_id, societe_id)
        named = {"organisation_id": organisation_id, "societe_id": societe_id}
        for day, nombre, montant in await tx.all(_OF_DAYS, days=sorted(days[societe_id]), **named):
            volume = Volume(nombre, montant)
            if level(volume, threshold) == CRITICAL:
                await tell_exceeded(tx, organisation_id, societe_id, day, volume)
