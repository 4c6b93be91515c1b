"""What outcomes of payments do to échéances, schedules and mandates (R9, R12, R18, R19), in few statements.

`issues.py` collects the effects of a transaction; schedules and mandates are locked by then (`verrous.py`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from db_utils import Transaction, clock
from sqlalchemy import ARRAY, Uuid, and_, any_, bindparam, exists, or_, select, update
from sqlalchemy.orm import aliased

from service_payments import mandats_rules, suites
from service_payments.groupes import Groupes, portions
from service_payments.models import (
    ACTIVE,
    ANNULEE,
    COMPLETED,
    IMPAYEE,
    INCOMPLETE,
    PAUSED,
    PAYEE,
    SCHEDULE_CANCELLED,
    Echeance,
    Echeancier,
    Payment,
)
from service_payments.sepa_models import Mandat

_ids: Final = bindparam("ids", type_=ARRAY(Uuid))
_now: Final = bindparam("now", type_=Echeance.updated_at.type)
_ECHEANCES = select(Echeance).where(Echeance.id == any_(_ids)).order_by(Echeance.id).with_for_update()
_SCHEDULES = select(Echeancier).where(Echeancier.id == any_(_ids)).order_by(Echeancier.id)
_MANDATS = select(Mandat).where(Mandat.id == any_(_ids)).order_by(Mandat.id).with_for_update()
_SET = (
    update(Echeance)
    .where(Echeance.id == any_(_ids))
    .values(statut=bindparam("statut"), updated_at=_now, version=Echeance.version + 1)
)
_open = exists().where(
    Echeance.echeancier_id == Echeancier.id, Echeance.statut != PAYEE, Echeance.statut != ANNULEE
)
_endless = and_(
    Echeancier.montant_total.is_(None), Echeancier.nombre_echeances.is_(None), Echeancier.date_fin.is_(None)
)
_COMPLETE = (
    update(Echeancier)
    .where(
        Echeancier.id == any_(_ids),
        or_(Echeancier.statut == ACTIVE, Echeancier.statut == PAUSED),
        ~_endless,
        ~_open,
    )
    .values(statut=COMPLETED, updated_at=_now, version=Echeancier.version + 1)
)
_other = aliased(Echeancier)
_lives = exists().where(
    _other.organisation_id == Echeancier.organisation_id,
    _other.contrat_id == Echeancier.contrat_id,
    or_(*(_other.statut == statut for statut in (INCOMPLETE, ACTIVE, PAUSED))),
)
_REOPEN = (
    update(Echeancier)
    .where(Echeancier.id == any_(_ids), Echeancier.statut == COMPLETED, _open, ~_lives)
    .values(statut=ACTIVE, updated_at=_now, version=Echeancier.version + 1)
)
_PAUSE = (
    update(Echeancier)
    .where(
        Echeancier.organisation_id == bindparam("organisation_id"),
        Echeancier.societe_id == bindparam("societe_id"),
        Echeancier.client_id == bindparam("client_id"),
        Echeancier.statut == ACTIVE,
    )
    .values(
        statut=PAUSED,
        motif=bindparam("motif"),
        updated_at=_now,
        version=Echeancier.version + 1,
    )
)


@dataclass(frozen=True, slots=True)
class Effet:
    """What one outcome of *payment* brings: the statuts of its échéance and of its planned debit.

    *settled* is the day on which the debit was settled, *code* that of its return.
    """

    payment: Payment
    day: date
    echeance: str = ""
    calendar: str = ""
    settled: date | None = None
    code: str = ""


async def write(tx: Transaction, effets: Sequence[Effet]) -> None:
    """Write *effets* in their order."""
    await _write_echeances(tx, [effet for effet in effets if effet.payment.echeance_id])
    await _write_mandats(tx, [effet for effet in effets if effet.payment.mandat_id])


async def _write_echeances(tx: Transaction, effets: Sequence[Effet]) -> None:
    ids = {effet.payment.echeance_id for effet in effets}
    if not ids:
        return
    echeances = await _by_id(tx, _ECHEANCES, ids)
    schedules = await _by_id(tx, _SCHEDULES, {one.echeancier_id for one in echeances.values()})
    statuts: dict[UUID, str] = {}
    for effet in effets:
        echeance = echeances[effet.payment.echeance_id]
        if effet.echeance:
            statuts[echeance.id] = _statut(effet.echeance, schedules[echeance.echeancier_id])
        if effet.calendar:
            await suites.tell_calendar(tx, effet.payment, echeance, effet.calendar, effet.day)
    for statut in sorted(set(statuts.values())):
        changed = sorted(one for one, wanted in statuts.items() if wanted == statut)
        for some in portions(changed):
            await tx.execute(_SET, ids=some, statut=statut, now=clock.now())
    await follow(tx, schedules.values())


def _statut(wanted: str, schedule: Echeancier) -> str:
    """What of a cancelled schedule comes back is not asked for again."""
    return ANNULEE if wanted == IMPAYEE and schedule.statut == SCHEDULE_CANCELLED else wanted


async def follow(tx: Transaction, schedules: Iterable[Echeancier]) -> None:
    """Complete schedules of which nothing is left, and go on with those of which something is again (R9)."""
    found = list(schedules)
    for some in portions(one.id for one in found):
        await tx.execute(_COMPLETE, ids=some, now=clock.now())
    # A contract has one schedule that lives: of several the first goes on, which the next round sees.
    for ids in _rounds([one for one in found if one.statut == COMPLETED]):
        for some in portions(ids):
            await tx.execute(_REOPEN, ids=some, now=clock.now())


def _rounds(schedules: Sequence[Echeancier]) -> Iterable[Sequence[UUID]]:
    """Share *schedules* among rounds, so that no two of a round are of one contract."""
    rounds: dict[int, list[UUID]] = {}
    seen: Counter[str] = Counter()
    for schedule in schedules:
        contrat = schedule.contrat_id or str(schedule.id)
        rounds.setdefault(seen[contrat], []).append(schedule.id)
        seen[contrat] += 1
    return rounds.values()


async def _write_mandats(tx: Transaction, effets: Sequence[Effet]) -> None:
    mandats = await _by_id(tx, _MANDATS, {effet.payment.mandat_id for effet in effets})
    groupes = Groupes(tx)
    for effet in effets:
        mandat = mandats[effet.payment.mandat_id]
        if effet.settled:
            await groupes.change(mandat, **mandats_rules.after_settlement(mandat, effet.settled))
        if effet.code:
            await groupes.change(mandat, **mandats_rules.after_return(mandat, effet.code))
        if effet.code == mandats_rules.DECES:
            await _pause(tx, effet.payment)
    await groupes.flush()


async def _pause(tx: Transaction, payment: Payment) -> None:
    """Hold the schedules of a client who has died (R12)."""
    await tx.execute(
        _PAUSE,
        organisation_id=payment.organisation_id,
        societe_id=payment.societe_id,
        client_id=payment.client_id,
        motif=mandats_rules.DECES,
        now=clock.now(),
    )


async def _by_id(tx: Transaction, statement: Any, ids: Iterable[UUID | None]) -> Mapping[UUID | None, Any]:
    wanted = sorted({one for one in ids if one is not None})
    return {row.id: row for row in await tx.all(statement, ids=wanted)} if wanted else {}
