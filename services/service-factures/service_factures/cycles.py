"""The job that sends the statuses that we give, after those invoices that wait themselves (R40, R41)."""

import hashlib
import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from db_utils import Database, Transaction, clock, due_rows, take_due
from service_kit import App, Worker
from service_kit.outgoing import AVERTISSEMENT, CRITIQUE, alert
from sqlalchemy import exists

from service_factures import arrivees, essais, historique
from service_factures.models import Facture
from service_factures.plateforme_models import ABANDONNE, EN_ATTENTE, ENVOYE, REFUSE, CycleSortant
from service_factures.ports import port_of
from service_factures.transmission import (
    A_ENVOYER,
    IRRECEVABLE,
    REJETEE,
    SERVICE,
    FlowInfo,
    Flux,
    NonAutorisee,
    Refusee,
    Statut,
    Tardive,
)

_BATCH = 20
_log = logging.getLogger(__name__)
_DUE = due_rows(
    CycleSortant,
    exists().where(Facture.id == CycleSortant.facture_id, Facture.statut_transmission != A_ENVOYER),
    limit=_BATCH,
)


async def send_cycles(app: App[Any]) -> None:
    """Send every status that is due, some at a time."""
    while due := await _take(app.database):
        for cycle, error in await essais.made(due, partial(_send, app)):
            told = "status %s cannot be sent, attempt %d"
            _log.error(told, cycle.id, cycle.tentatives, exc_info=error)


async def _take(database: Database) -> list[CycleSortant]:
    """Take some that are due, each with its attempt counted."""
    async with database.transaction() as tx:
        return await take_due(tx, _DUE, (essais.LEASE,))


async def _send(app: App[Any], cycle: CycleSortant) -> None:
    facture = await app.database.read().get(Facture, cycle.facture_id)
    assert facture is not None, "what was issued stays"
    if facture.statut_transmission in (REJETEE, IRRECEVABLE):
        await _changed(app.database, cycle, statut=ABANDONNE, prochain_essai=None)
        return
    port = await port_of(app, facture.organisation_id, facture.societe_id)
    if port is None:  # nothing was tried
        await _put_off(app.database, cycle, clock.now() + essais.NO_PORT, cycle.tentatives - 1)
        return
    try:
        flux = await essais.deposited(port, cycle.cdar, _flow_info(facture, cycle), cycle.tentatives)
    except Tardive as error:
        await _waits(app.database, facture, cycle, error)
    except NonAutorisee as error:
        _log.warning("status %s is not sent: %s", cycle.id, error)
        await _put_off(app.database, cycle, clock.now() + essais.LONGEST, cycle.tentatives)
        await arrivees.tell_locked_out(app.database, facture.organisation_id, facture.societe_id)
    except Refusee as error:
        await refused(app.database, facture, cycle, error.code, error.texte)
    else:
        await _sent(app.database, cycle, flux)


def _flow_info(facture: Facture, cycle: CycleSortant) -> FlowInfo:
    return FlowInfo(
        tracking_id=str(cycle.id),
        name=f"{facture.numero}-{cycle.code}-{cycle.rang}.xml",
        processing_rule="B2B",
        flow_syntax="CDAR",
        sha256=hashlib.sha256(cycle.cdar).hexdigest(),
    )


async def _sent(database: Database, cycle: CycleSortant, flux: Flux) -> None:
    """Note that the platform has the status, which the history of its invoice then holds (R37)."""
    async with database.transaction() as tx:
        facture = await tx.get(Facture, cycle.facture_id, lock=True)
        assert facture is not None, "what was issued stays"
        current = await _locked(tx, cycle)
        if current.statut != EN_ATTENTE:
            return
        await tx.update(
            current,
            statut=ENVOYE,
            flow_id=flux.flow_id or None,
            envoye_le=flux.depose_le or clock.now(),
            prochain_essai=None,
        )
        statut = Statut(code=cycle.code, date=cycle.emis_le, origine=SERVICE)
        await historique.record(tx, facture, statut)


async def refused(database: Database, facture: Facture, cycle: CycleSortant, code: str, texte: str) -> None:
    """Note that the platform does not take the status, and tell the finance team."""
    async with database.transaction() as tx:
        current = await _locked(tx, cycle)
        if current.statut == REFUSE:
            return
        await tx.update(current, statut=REFUSE, motif_code=code, prochain_essai=None)
        await alert(
            tx,
            facture.organisation_id,
            f"cycle:{cycle.id}:refus",
            niveau=CRITIQUE,
            titre=f"Encaissement de la facture {facture.numero} refusé",
            message=f"La plateforme refuse le statut Encaissée de la facture {facture.numero} "
            f"({code} {texte}). Déclarez cet encaissement sur son site.",
        )


async def _waits(database: Database, facture: Facture, cycle: CycleSortant, error: Tardive) -> None:
    """Have the status tried again; the finance team is told, once, when it has waited for long."""
    _log.warning("status %s is not sent yet, attempt %d: %s", cycle.id, cycle.tentatives, error)
    until = essais.next_attempt(cycle.tentatives, error.attendre)
    await _put_off(database, cycle, until, cycle.tentatives)
    if clock.now() - cycle.emis_le < essais.ALARMING:
        return
    async with database.transaction() as tx:
        await alert(
            tx,
            facture.organisation_id,
            f"cycle:{cycle.id}:attente",
            niveau=AVERTISSEMENT,
            titre=f"Encaissement de la facture {facture.numero} non transmis",
            message=f"Le statut Encaissée de la facture {facture.numero} n'a pas encore pu être transmis "
            "à la plateforme, depuis plus de trois jours. Il continue d'être tenté.",
        )


async def _put_off(database: Database, cycle: CycleSortant, until: datetime, tentatives: int) -> None:
    await _changed(database, cycle, prochain_essai=until, tentatives=tentatives)


async def _changed(database: Database, cycle: CycleSortant, **columns: Any) -> None:
    """Change *cycle*, unless it has ended meanwhile."""
    async with database.transaction() as tx:
        current = await _locked(tx, cycle)
        if current.statut == EN_ATTENTE:
            await tx.update(current, **columns)


async def _locked(tx: Transaction, cycle: CycleSortant) -> CycleSortant:
    current = await tx.get(CycleSortant, cycle.id, lock=True)
    assert current is not None, "it is never removed"
    return current


CYCLES: Final = Worker("cycles_sortants", send_cycles, every=timedelta(minutes=1), wake_on=CycleSortant)
