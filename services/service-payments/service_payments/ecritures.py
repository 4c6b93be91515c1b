"""What a run writes: debits that are with the bank, held back or settled already, many in one statement.

Locks are taken in one order (schedules, mandates, payments), and never waited for: what somebody else is
changing stays for the next run.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from db_utils import Transaction, clock
from sqlalchemy import ARRAY, Numeric, Uuid, and_, any_, bindparam, column, func, select, update

from service_payments import suites, verrous
from service_payments.emission_rules import FactureLue, Prelevement, held
from service_payments.issues import DEJA_REGLEE, issues
from service_payments.models import (
    ANNULEE,
    BLOQUEE,
    EN_COURS,
    PAYEE,
    PENDING,
    SUBMITTED,
    Echeance,
    Echeancier,
    Payment,
    PaymentTransition,
)
from service_payments.pain008 import Fichier, Lot
from service_payments.repercussions import Effet
from service_payments.sepa_models import ACTIF, Mandat, Remise

EMISSION: Final = "EMISSION"  # cause of the transitions, with the day that was planned when it is late

_ids: Final = bindparam("ids", type_=ARRAY(Uuid))
_now: Final = bindparam("now", type_=Payment.updated_at.type)
_day: Final = bindparam("day", type_=Payment.date_prelevement.type)
_SCHEDULES = (
    select(Echeancier).where(Echeancier.id == any_(_ids)).with_for_update(read=True, skip_locked=True)
)
_MANDATS = (
    select(Mandat.id)
    .where(Mandat.id == any_(_ids), Mandat.statut == ACTIF)
    .order_by(Mandat.id)
    .with_for_update(skip_locked=True)
)
_PAYMENTS = (
    select(Payment.id, Payment.version)
    .where(Payment.id == any_(_ids), Payment.statut == PENDING)
    .order_by(Payment.id)
    .with_for_update(skip_locked=True)
)
_chosen = (
    func.unnest(
        _ids, bindparam("mandats", type_=ARRAY(Uuid)), bindparam("montants", type_=ARRAY(Numeric(14, 2)))
    )
    .table_valued(column("id", Uuid), column("mandat_id", Uuid), column("montant", Numeric(14, 2)))
    .render_derived(name="chosen")
)
_SUBMIT = (
    update(Payment)
    .where(Payment.id == _chosen.c.id, Payment.statut == PENDING)
    .values(
        statut=SUBMITTED,
        mandat_id=_chosen.c.mandat_id,
        montant=_chosen.c.montant,
        date_prelevement=_day,
        sequence_sepa=bindparam("sequence"),
        remise_id=bindparam("remise_id", type_=Uuid),
        pmt_inf_id=bindparam("pmt_inf_id"),
        updated_at=_now,
        version=Payment.version + 1,
    )
)
_PRESENTED = (
    update(Mandat)
    .where(Mandat.id == any_(_ids))
    .values(derniere_presentation_le=_day, updated_at=_now, version=Mandat.version + 1)
)
_ECHEANCES = select(Echeance).where(Echeance.id == any_(_ids))
_of_payments = Echeance.id.in_(select(Payment.echeance_id).where(Payment.id == any_(_ids)))
_open = and_(Echeance.statut != PAYEE, Echeance.statut != ANNULEE)
_RUNNING = update(Echeance).where(_of_payments, _open).values(statut=EN_COURS, updated_at=_now)
_BLOCK = (
    update(Echeance)
    .where(_of_payments, _open, Echeance.statut != BLOQUEE)
    .values(statut=BLOQUEE, updated_at=_now)
)


async def locked(tx: Transaction, prets: Sequence[Prelevement]) -> list[Prelevement]:
    """Lock what *prets* stand on, and return those that are still as they were when they were chosen."""
    wanted = sorted({one.payment.schedule_id for one in prets if one.payment.schedule_id})
    schedules = await tx.all(_SCHEDULES, ids=wanted)
    free = {schedule.id for schedule in schedules if not held(schedule)}
    mandats = set(await tx.all(_MANDATS, ids=sorted({one.mandat.id for one in prets})))
    versions = dict(await tx.all(_PAYMENTS, ids=[one.payment.id for one in prets]))
    return [
        one
        for one in prets
        if (one.payment.schedule_id is None or one.payment.schedule_id in free)
        and one.mandat.id in mandats
        and versions.get(one.payment.id) == one.payment.version
    ]


async def submit(
    tx: Transaction, remise: Remise, fichier: Fichier, prets: Sequence[Prelevement], day: date
) -> None:
    """Write that *prets* are with the bank in *fichier*, and that their mandates were used on *day*."""
    by_name = {one.payment.end_to_end_id: one for one in prets}
    for lot in fichier.lots:
        await _submit_lot(tx, remise, lot, [by_name[debit.end_to_end_id] for debit in lot.debits])
    now, ids = clock.now(), [one.payment.id for one in prets]
    await tx.execute(_PRESENTED, ids=sorted({one.mandat.id for one in prets}), day=day, now=now)
    await tx.execute(_RUNNING, ids=ids, now=now)
    for one in prets:
        await tx.insert(
            PaymentTransition(
                organisation_id=remise.organisation_id,
                payment_id=one.payment.id,
                de=PENDING,
                vers=SUBMITTED,
                cause=_cause(one),
            )
        )
    await _tell_calendar(tx, prets)


def _cause(one: Prelevement) -> str:
    """Say for which day a debit was planned that is late, and is collected on another (R14)."""
    planned = one.payment.date_prelevement
    late = planned is not None and planned != one.date_prelevement
    return f"{EMISSION}, prévue le {planned:%d/%m/%Y}" if late else EMISSION


async def _tell_calendar(tx: Transaction, prets: Sequence[Prelevement]) -> None:
    """Owe the calendar that the planned debits of *prets* are with the bank."""
    planned = {one.payment.echeance_id: one for one in prets if one.payment.echeance_id}
    for echeance in await tx.all(_ECHEANCES, ids=sorted(filter(None, planned))) if planned else ():
        one = planned[echeance.id]
        await suites.tell_calendar(tx, one.payment, echeance, suites.PROCESSING, one.date_prelevement)


async def _submit_lot(tx: Transaction, remise: Remise, lot: Lot, members: Sequence[Prelevement]) -> None:
    await tx.execute(
        _SUBMIT,
        ids=[one.payment.id for one in members],
        mandats=[one.mandat.id for one in members],
        montants=[one.montant for one in members],
        day=lot.date_prelevement,
        sequence=lot.sequence,
        remise_id=remise.id,
        pmt_inf_id=lot.pmt_inf_id,
        now=clock.now(),
    )


async def block(tx: Transaction, payment_ids: Sequence[UUID]) -> None:
    """Mark the échéances of debits that are held back (R15)."""
    await tx.execute(_BLOCK, ids=list(payment_ids), now=clock.now())


async def close_settled(tx: Transaction, payment: Payment, facture: FactureLue) -> None:
    """Cancel a debit whose invoice is settled or cancelled, and close its échéance (R16)."""
    for current in await verrous.locked(tx, [payment.id]):
        if current.statut == PENDING:
            statut = ANNULEE if facture.statut == ANNULEE else PAYEE
            async with issues(tx) as outcome:
                await outcome.cancelled(current, cause=DEJA_REGLEE)
                closed = Effet(current, clock.today(), statut, suites.DEBIT_CANCELLED)
                outcome.effets.append(closed)
