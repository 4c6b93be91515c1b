"""PaymentScheduleService: what a client owes when, from the first échéance to the last (R1 to R10).

Calendar and contrats are asked before the transaction, which waits for nobody.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import PaymentScheduleServiceServicer
from db_utils import Listing, Scope, Transaction, clock, within
from grpc_utils import (
    Context,
    caller,
    expected_version,
    found,
    insert_once,
    list_answer,
    page_of,
    to_message,
)
from grpc_utils.errors import DependanceIndisponible
from service_kit import App
from sqlalchemy import bindparam, select

from service_payments import agenda, interruptions
from service_payments import echeancier_rules as rules
from service_payments.contrats_lus import read_contract
from service_payments.creanciers import notice_of
from service_payments.echeancier_demandes import (
    MandatIntrouvable,
    check_alive,
    checked,
    copy_of,
    motif_of,
    new_schedule,
    requested_changes,
    with_changes,
)
from service_payments.facturation import LAST
from service_payments.models import (
    ACTIVE,
    ANNULEE,
    INCOMPLETE,
    Echeance,
    Echeancier,
    Payment,
)
from service_payments.planification import ECHEANCES, Jour, cible_of, days_of, planned
from service_payments.repercussions import follow
from service_payments.sepa_models import Mandat
from service_payments.settings import PaymentsSettings

ECHEANCIERS: Final = Listing(
    Echeancier,
    sorts=("created_at desc",),
    filters=("client_id", "contrat_id", "societe_id", "statut"),
)
_PAYMENTS = (
    select(Payment)
    .where(Payment.schedule_id == bindparam("schedule_id"))
    .order_by(Payment.created_at, Payment.id)
)


class PaymentScheduleService(PaymentScheduleServiceServicer):
    """Schedules of the caller's organisation."""

    def __init__(self, app: App[PaymentsSettings]) -> None:
        self._app, self._db = app, app.database

    async def Create(self, request: pb.CreateScheduleRequest, context: Context) -> pb.Schedule:
        """Make a schedule with its échéances; those whose day the calendar cannot tell now wait for it."""
        contrat = await read_contract(self._app.peers, request.contrat_id)
        schedule = new_schedule(request, contrat)
        jours = await first_days(self._app, schedule)
        async with self._db.transaction() as tx:
            await _check_mandate(tx, schedule, schedule.mandat_id)
            stored = await insert_once(tx, schedule)
            if stored.id == schedule.id:
                echeances = await build(tx, stored, jours)
            else:
                echeances = await tx.all(ECHEANCES, echeancier_id=stored.id)
        return _answer(stored, echeances)

    async def Get(self, request: pb.GetScheduleRequest, context: Context) -> pb.Schedule:
        """Read a schedule with its échéances and payments."""
        reader = self._db.read()
        schedule = found(await reader.get(Echeancier, request.id))
        with within(Scope(schedule.organisation_id)):  # a service may ask without one (C6)
            echeances = await reader.all(ECHEANCES, echeancier_id=schedule.id)
            payments = await reader.all(_PAYMENTS, schedule_id=schedule.id)
        return _answer(schedule, echeances, payments)

    async def List(self, request: pb.ListSchedulesRequest, context: Context) -> pb.ListSchedulesResponse:
        """List schedules, the newest first."""
        return list_answer(pb.ListSchedulesResponse, await page_of(ECHEANCIERS, self._db.read(), request))

    async def Update(self, request: pb.UpdateScheduleRequest, context: Context) -> pb.Schedule:
        """Change a schedule; échéances for which something was asked already stay as they are (R8)."""
        asked = requested_changes(request)
        schedule = found(await self._db.read().get(Echeancier, request.id))
        jours = await self._days_of_change(schedule, asked)
        suite = await self._days_to_end(schedule, asked)
        async with self._db.transaction() as tx:
            schedule = found(await tx.get(Echeancier, request.id, lock=True))
            await _check_mandate(tx, schedule, asked.get("mandat_id"))
            columns = with_changes(schedule, asked)
            if columns.get("moyen", schedule.moyen) != schedule.moyen:
                await _release(tx, schedule)
            await tx.update(schedule, expected=expected_version(request), **columns)
            if schedule.statut == INCOMPLETE:
                echeances = await _begun(tx, schedule, jours)
            else:
                await extend(tx, schedule, suite)
                echeances = await _changed(tx, schedule, asked)
        return _answer(schedule, echeances)

    async def _days_of_change(self, schedule: Echeancier, asked: dict[str, Any]) -> list[Jour]:
        """The days of a schedule that gets its first amount by *asked*; none of others."""
        if schedule.statut != INCOMPLETE:
            return []
        wanted = copy_of(schedule, **with_changes(schedule, asked))
        return await first_days(self._app, checked(wanted))

    async def _days_to_end(self, schedule: Echeancier, asked: dict[str, Any]) -> list[Jour]:
        """The days after those that an open schedule has, up to the end that *asked* gives it (R1)."""
        fin = asked.get("date_fin")
        last = await self._db.read().one(LAST, echeancier_id=schedule.id)
        if fin is None or last is None or not rules.is_open(schedule):
            return []
        cibles = rules.cibles_until(schedule.frequence, cible_of(last, schedule), fin)
        jours = await days_of(self._app, schedule, cibles) if cibles else []
        if any(jour.prelevement is None for jour in jours):
            raise DependanceIndisponible
        return [jour for jour in jours if jour.prelevement is not None and jour.prelevement <= fin]

    async def Pause(self, request: pb.PauseScheduleRequest, context: Context) -> pb.Schedule:
        """Prepare nothing more; payments that wait are held, what is invoiced stays invoiced (R10)."""
        motif = motif_of(request.motif)
        async with self._db.transaction() as tx:
            schedule = found(await tx.get(Echeancier, request.id, lock=True))
            await interruptions.pause(tx, schedule, motif)
            echeances = await tx.all(ECHEANCES, echeancier_id=schedule.id)
        return _answer(schedule, echeances)

    async def Resume(self, request: pb.ResumeScheduleRequest, context: Context) -> pb.Schedule:
        """Go on; the échéances to come move as a block (R10). Refused while the calendar is away."""
        motif = motif_of(request.motif)
        schedule = found(await self._db.read().get(Echeancier, request.id))
        suite = await interruptions.continuation(self._app, schedule)
        async with self._db.transaction() as tx:
            schedule = found(await tx.get(Echeancier, request.id, lock=True))
            await interruptions.resume(tx, schedule, motif, suite)
            echeances = await tx.all(ECHEANCES, echeancier_id=schedule.id)
        return _answer(schedule, echeances)

    async def Cancel(self, request: pb.CancelScheduleRequest, context: Context) -> pb.Schedule:
        """End a schedule; what the bank holds runs to its end (R10)."""
        motif = motif_of(request.motif)
        async with self._db.transaction() as tx:
            schedule = found(await tx.get(Echeancier, request.id, lock=True))
            check_alive(schedule)
            await interruptions.cancel(tx, schedule, motif, acteur=caller().author)
            echeances = await tx.all(ECHEANCES, echeancier_id=schedule.id)
        return _answer(schedule, echeances)


async def first_days(app: App[Any], schedule: Echeancier) -> list[Jour]:
    """The days of the échéances of a new *schedule*; none without an amount (R3)."""
    count = len(rules.montants_of(schedule))
    if not count:
        return []
    preavis, _ = await notice_of(app, schedule.organisation_id, schedule.societe_id)
    return await planned(app, schedule, rules.plus_tot(schedule, preavis, clock.today()), count)


async def build(tx: Transaction, schedule: Echeancier, jours: Sequence[Jour]) -> list[Echeance]:
    """Write the échéances of *schedule*, one for each of *jours*, and owe the calendar their days."""
    montants = rules.montants_of(schedule)
    echeances = [
        await tx.insert(
            Echeance(
                organisation_id=schedule.organisation_id,
                echeancier_id=schedule.id,
                rang=rang,
                montant=montant,
                **jour.columns,
            )
        )
        for rang, (montant, jour) in enumerate(zip(montants, jours, strict=True), 1)
    ]
    await tx.flush()
    await agenda.plan(tx, schedule, echeances)
    return echeances


async def extend(tx: Transaction, schedule: Echeancier, jours: Sequence[Jour]) -> None:
    """Write the échéances of a schedule, locked, that had no end and has one now; those it has already stay.

    They are told to the calendar with the others.
    """
    last = await tx.one(LAST, echeancier_id=schedule.id)
    for jour in jours:
        assert last is not None
        if rules.position(jour.cible) <= rules.position(cible_of(last, schedule)):
            continue  # the job was quicker
        last = await tx.insert(
            Echeance(
                organisation_id=schedule.organisation_id,
                echeancier_id=schedule.id,
                rang=last.rang + 1,
                montant=last.montant,
                **jour.columns,
            )
        )
    await tx.flush()


async def _begun(tx: Transaction, schedule: Echeancier, jours: Sequence[Jour]) -> list[Echeance]:
    """Build the échéances of a schedule that has got its amount (R3); it stays INCOMPLETE without one."""
    complete = checked(schedule)
    if complete.statut == INCOMPLETE:
        return []
    await tx.update(schedule, statut=ACTIVE, montant_total=complete.montant_total)
    return await build(tx, schedule, jours)


async def _release(tx: Transaction, schedule: Echeancier) -> None:
    """Free the days on which the calendar has debits of *schedule*, which still has its former means."""
    for one in await tx.all(ECHEANCES, echeancier_id=schedule.id):
        if rules.free(one) and one.date_prelevement is not None:
            await agenda.withdraw(tx, schedule, one)


async def _changed(tx: Transaction, schedule: Echeancier, asked: dict[str, Any]) -> list[Echeance]:
    """Change the amounts and the number of the échéances that are still free (R8)."""
    echeances = list(await tx.all(ECHEANCES, echeancier_id=schedule.id))
    if fin := asked.get("date_fin"):
        for one in echeances:
            if rules.free(one) and (one.date_prelevement or one.date_cible or fin) > fin:
                await tx.update(one, statut=ANNULEE)
                await agenda.withdraw(tx, schedule, one)
    free = [one for one in echeances if rules.free(one)]
    if "montant_echeance" in asked:
        for one in free:
            await tx.update(one, montant=asked["montant_echeance"])
    elif "montant_total" in asked and free:
        fixed = sum(
            (one.montant for one in echeances if one not in free and one.statut != ANNULEE), Decimal(0)
        )
        for one, montant in zip(free, rules.parts(asked["montant_total"] - fixed, len(free)), strict=True):
            await tx.update(one, montant=montant)
    await tx.flush()
    await agenda.plan(tx, schedule, free)
    await follow(tx, [schedule])
    return echeances


async def _check_mandate(tx: Transaction, schedule: Echeancier, mandat_id: Any) -> None:
    """Raises MandatIntrouvable for a mandate that the client has not given to the société of *schedule*."""
    if mandat_id is None:
        return
    mandat = await tx.get(Mandat, mandat_id)
    place = schedule.client_id, schedule.societe_id
    if mandat is None or (mandat.client_id, mandat.societe_id) != place:
        raise MandatIntrouvable(champ="mandat_id")


def _answer(
    schedule: Echeancier, echeances: Sequence[Echeance], payments: Sequence[Payment] = ()
) -> pb.Schedule:
    message = to_message(schedule, pb.Schedule)
    message.echeances.extend(to_message(one, pb.Echeance) for one in echeances)
    message.payments.extend(to_message(one, pb.Payment) for one in payments)
    return message
