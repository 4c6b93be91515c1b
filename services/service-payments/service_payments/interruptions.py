"""What stops a schedule and lets it go on: pause, resumption, the end by a person or by its contract.

Rows are locked in one order everywhere: the schedule, which the caller has locked, its payments, its
échéances (R9, R10, R34).
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from db_utils import Transaction, clock
from grpc_utils.errors import DependanceIndisponible, TransitionInterdite
from service_kit import App
from service_kit.outgoing import AVERTISSEMENT, alert
from sqlalchemy import bindparam, exists, select

from service_payments import agenda
from service_payments import echeancier_rules as rules
from service_payments.calendrier import business_day
from service_payments.creanciers import notice_of
from service_payments.issues import issues
from service_payments.models import (
    ACTIVE,
    ANNULEE,
    BLOQUEE,
    EN_COURS,
    FACTUREE,
    INCOMPLETE,
    PAUSED,
    PENDING,
    PLANIFIEE,
    SCHEDULE_CANCELLED,
    Echeance,
    Echeancier,
    Payment,
)
from service_payments.planification import ECHEANCES, Jour, planned
from service_payments.verrous import IS_LIVE

ECHEANCIER_ANNULE: Final = "ECHEANCIER_ANNULE"  # cause of the transitions of its payments
ALIVE: Final = frozenset({INCOMPLETE, ACTIVE, PAUSED})  # schedules that may still be ended
_OPEN: Final = frozenset({PLANIFIEE, FACTUREE, BLOQUEE})
_WAITING = (
    select(Payment)
    .where(Payment.schedule_id == bindparam("schedule_id"), Payment.statut == PENDING)
    .order_by(Payment.id)
    .with_for_update()
)
# Of these the file of the debit was refused: no bank has it any more.
_REFUSED = select(Echeance.id).where(
    Echeance.echeancier_id == bindparam("schedule_id"),
    Echeance.statut == EN_COURS,
    ~exists().where(Payment.echeance_id == Echeance.id, IS_LIVE),
)


@dataclass(frozen=True, slots=True)
class Suite:
    """How a paused schedule goes on: the days of its free échéances by rang, that of held payments."""

    jours: dict[int, Jour]
    presentation: date


async def pause(tx: Transaction, schedule: Echeancier, motif: str) -> None:
    """Hold an ACTIVE schedule, locked. Raises TransitionInterdite."""
    _check(schedule, ACTIVE, PAUSED)
    await tx.update(schedule, statut=PAUSED, motif=motif)


async def continuation(app: App[Any], schedule: Echeancier) -> Suite:
    """Ask the calendar how *schedule* would go on from today (R10).

    Its free échéances move as a block, the first to the first planned day that leaves the notice; when
    the day that it has leaves it, all stay. Raises Unavailable while the calendar is away.
    """
    preavis, delai = await notice_of(app, schedule.organisation_id, schedule.societe_id)
    echeances = await app.database.read().all(ECHEANCES, echeancier_id=schedule.id)
    free = [one for one in echeances if rules.free(one)]
    earliest = clock.today() + timedelta(days=preavis)
    if free and free[0].date_prelevement is not None and free[0].date_prelevement >= earliest:
        free = []
    jours = await planned(app, schedule, earliest, len(free)) if free else []
    if any(jour.prelevement is None for jour in jours):
        raise DependanceIndisponible
    place = schedule.organisation_id, schedule.societe_id
    presentation = await business_day(app, *place, clock.today(), delai)
    return Suite({one.rang: jour for one, jour in zip(free, jours, strict=True)}, presentation)


async def resume(tx: Transaction, schedule: Echeancier, motif: str, suite: Suite) -> None:
    """Let a PAUSED schedule, locked, go on as *suite* says. Raises TransitionInterdite."""
    _check(schedule, PAUSED, ACTIVE)
    await tx.update(schedule, statut=ACTIVE, motif=motif)
    today = clock.today()
    for payment in await tx.all(_WAITING, schedule_id=schedule.id):
        if payment.date_prelevement is not None and payment.date_prelevement < today:
            await tx.update(payment, date_prelevement=suite.presentation)
    moved = []
    for echeance in await tx.all(ECHEANCES, echeancier_id=schedule.id):
        jour = suite.jours.get(echeance.rang)
        if jour is not None and rules.free(echeance):
            moved.append(await tx.update(echeance, **jour.columns))
    await agenda.plan(tx, schedule, moved)


async def cancel(
    tx: Transaction, schedule: Echeancier, motif: str, *, acteur: str = "", after: date | None = None
) -> list[Echeance]:
    """End *schedule*, locked: what is not with the bank is cancelled; return the échéances that were.

    With *after*, échéances of that day and before stay, and the schedule ends only if none of them is
    open. An échéance whose invoice is being asked for stays until factures answers.
    """
    echeances = await tx.all(ECHEANCES, echeancier_id=schedule.id)
    refused = set(await tx.all(_REFUSED, schedule_id=schedule.id))
    ended = [one for one in echeances if _ends(one, after, refused)]
    ids = {one.id for one in ended}
    async with issues(tx) as outcome:
        for payment in await tx.all(_WAITING, schedule_id=schedule.id):
            if payment.echeance_id in ids or after is None:
                await outcome.cancelled(payment, cause=ECHEANCIER_ANNULE, acteur=acteur)
    for echeance in ended:
        await tx.update(echeance, statut=ANNULEE)
        await agenda.withdraw(tx, schedule, echeance)
    if after is None or not any(one.statut in _OPEN for one in echeances):
        await tx.update(schedule, statut=SCHEDULE_CANCELLED, motif=motif)
    return ended


async def end_with_contract(tx: Transaction, schedule: Echeancier, motif: str, *, after: date | None) -> None:
    """End what a contract that is over leaves of *schedule*, locked (R34).

    The finance team is told once of invoices that stay behind.
    """
    ended = await cancel(tx, schedule, motif, after=after)
    left = [one.facture_id for one in ended if one.facture_id]
    if left:
        await alert(
            tx,
            schedule.organisation_id,
            f"contrat:{schedule.id}:{motif}",
            niveau=AVERTISSEMENT,
            titre="Factures à avoirer",
            message=f"Le contrat {schedule.contrat_id} est {motif} : {len(left)} facture(s) déjà émise(s) ne"
            " sera pas prélevée et reste à avoirer.",
            metadata={"contrat_id": schedule.contrat_id or "", "factures": ", ".join(left)},
        )


def _ends(echeance: Echeance, after: date | None, refused: Set[UUID]) -> bool:
    if echeance.demande is not None or (echeance.statut not in _OPEN and echeance.id not in refused):
        return False
    return after is None or (echeance.date_prelevement or date.max) > after


def _check(schedule: Echeancier, expected: str, wanted: str) -> None:
    if schedule.statut != expected:
        raise TransitionInterdite(
            f"possible depuis : {expected}",
            de=schedule.statut,
            vers=wanted,
        )
