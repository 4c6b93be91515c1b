"""An échéance on its way to its invoice and its payment, one step after another (R7).

What factures is asked is written first; until it is answered the échéance stays as it is, and the same
question is repeated word for word, so that no answer is lost and no invoice is made twice.
"""

import logging
from typing import Any, Final
from uuid import UUID

import grpc
from crm.factures.factures_pb2 import Facture
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import Transaction, clock, failpoint, uuid7
from grpc_utils import failure_of
from grpc_utils.errors import Unavailable
from service_kit import App
from service_kit.outgoing import AVERTISSEMENT, TRY_AGAIN, alert
from sqlalchemy import bindparam, select

from service_payments import echeancier_rules as rules
from service_payments.emission_rules import end_to_end_id
from service_payments.factures_demandees import demande, request_of
from service_payments.models import (
    ACTIVE,
    ANNULEE,
    BLOQUEE,
    FACTUREE,
    PLANIFIEE,
    SCHEDULE_CANCELLED,
    SEPA_DEBIT,
    Echeance,
    Echeancier,
    Payment,
)
from service_payments.planification import Jour, cible_of
from service_payments.psp import SEPA_FILE

_log = logging.getLogger(__name__)

_PATIENCE: Final = 10.0  # seconds
_AHEAD = select(Echeance).where(
    Echeance.echeancier_id == bindparam("echeancier_id"), Echeance.statut == PLANIFIEE
)
LAST: Final = (
    select(Echeance)
    .where(Echeance.echeancier_id == bindparam("echeancier_id"))
    .order_by(Echeance.rang.desc())
    .limit(1)
)


async def invoice(app: App[Any], echeance_id: UUID) -> None:
    """Have *echeance_id* invoiced and its payment made, if it is still to be (R7).

    Raises Unavailable while factures is away: the question stays written, for `ask_again`.
    """
    async with app.database.transaction() as tx:
        schedule, echeance = await _locked(tx, echeance_id)
        if schedule.statut != ACTIVE or not rules.unasked(echeance):
            return
        if not schedule.facturation:
            await _present(tx, schedule, echeance, None)
            return
        await tx.update(echeance, demande=demande(schedule, echeance))
    failpoint("payments.facturation.written")
    await ask_again(app, echeance_id)


async def ask_again(app: App[Any], echeance_id: UUID) -> None:
    """Ask factures what is written for an échéance, and write what it answers."""
    echeance = await app.database.read().get(Echeance, echeance_id)
    if echeance is None or echeance.demande is None:
        return
    stub = app.peers.stub(InvoiceServiceStub)
    try:
        facture = await stub.Create(request_of(echeance.demande), timeout=_PATIENCE)
    except grpc.aio.AioRpcError as error:
        failure = failure_of(error)
        told = failure.reason or failure.code.name
        if failure.code in TRY_AGAIN:
            raise Unavailable(told) from error
        await _refused(app, echeance_id, told)
        return
    failpoint("payments.facturation.answered")
    async with app.database.transaction() as tx:
        schedule, echeance = await _locked(tx, echeance_id)
        if echeance.demande is not None:
            await _present(tx, schedule, echeance, facture)


async def _present(
    tx: Transaction, schedule: Echeancier, echeance: Echeance, facture: Facture | None
) -> None:
    """Write the invoice of *echeance* and the payment that waits for its day."""
    invoiced: dict[str, Any] = {"demande": None, "facture_id": facture.id if facture else None}
    if schedule.statut == SCHEDULE_CANCELLED:
        await tx.update(echeance, statut=ANNULEE, **invoiced)
        await _tell_left(tx, schedule, facture)
        return
    await tx.update(echeance, statut=FACTUREE, **invoiced)
    identity = uuid7()
    payment = Payment(
        id=identity,
        organisation_id=schedule.organisation_id,
        societe_id=schedule.societe_id,
        client_id=schedule.client_id,
        echeance_id=echeance.id,
        schedule_id=schedule.id,
        facture_id=echeance.facture_id,
        contrat_id=schedule.contrat_id,
        mandat_id=schedule.mandat_id,
        moyen=schedule.moyen,
        provider=SEPA_FILE if schedule.moyen == SEPA_DEBIT else "",
        montant=echeance.montant,
        date_prelevement=echeance.date_prelevement,
        end_to_end_id=end_to_end_id(identity),
        cle_idempotence=f"pay:{echeance.id}:1",
    )
    await tx.insert(payment, if_absent=True)
    await tx.flush()
    if rules.is_open(schedule):
        await _keep_ahead(tx, schedule)


async def _keep_ahead(tx: Transaction, schedule: Echeancier) -> None:
    """Have an open schedule always have échéances before it; the job of the calendar plans them (R1)."""
    ahead = len(await tx.all(_AHEAD, echeancier_id=schedule.id))
    last = await tx.one(LAST, echeancier_id=schedule.id)
    for _ in range(rules.OPEN_AHEAD - ahead):
        assert last is not None
        assert schedule.montant_echeance is not None, "an open schedule tells the amount of an échéance"
        cible = rules.following(schedule.frequence, cible_of(last, schedule))
        last = await tx.insert(
            Echeance(
                organisation_id=schedule.organisation_id,
                echeancier_id=schedule.id,
                rang=last.rang + 1,
                montant=schedule.montant_echeance,
                **Jour(cible).columns,
            )
        )


async def _refused(app: App[Any], echeance_id: UUID, reason: str) -> None:
    """Hold an échéance whose invoice is refused; finance is told once a day, and it is tried again (R15)."""
    async with app.database.transaction() as tx:
        schedule, echeance = await _locked(tx, echeance_id)
        if echeance.demande is None:
            return
        await tx.update(echeance, statut=BLOQUEE, demande=None)
        _log.error("the invoice of échéance %s is refused: %s", echeance.id, reason)
        await alert(
            tx,
            schedule.organisation_id,
            f"facturation:{echeance.id}:{clock.today()}",
            niveau=AVERTISSEMENT,
            titre="Échéance non facturée",
            message=f"La facture de l'échéance {echeance.rang} de l'échéancier {schedule.id} est refusée"
            f" ({reason}) : rien n'est prélevé. Elle est retentée chaque jour.",
            metadata={"motif": "FACTURATION_REFUSEE", "echeancier_id": str(schedule.id)},
        )


async def _tell_left(tx: Transaction, schedule: Echeancier, facture: Facture | None) -> None:
    """Tell finance of an invoice that was made while its schedule was ended."""
    if facture is None:
        return
    await alert(
        tx,
        schedule.organisation_id,
        f"facture:{facture.id}:sans-echeancier",
        niveau=AVERTISSEMENT,
        titre="Facture à avoirer",
        message=f"La facture {facture.numero} a été émise pendant l'annulation de son échéancier :"
        " elle ne sera pas prélevée et reste à avoirer.",
        metadata={"facture_id": facture.id},
    )


async def _locked(tx: Transaction, echeance_id: UUID) -> tuple[Echeancier, Echeance]:
    """The échéance and its schedule, locked in the order of all of this service: the schedule first."""
    echeance = await tx.get(Echeance, echeance_id)
    assert echeance is not None, "échéances are never deleted"
    schedule = await tx.get(Echeancier, echeance.echeancier_id, lock=True)
    echeance = await tx.get(Echeance, echeance_id, lock=True)
    assert schedule is not None
    assert echeance is not None
    return schedule, echeance
