"""What becomes of an attempt to send an invoice (R36): each outcome is one transaction.

The invoice is locked first, then its way, as everywhere.
"""

import logging
from datetime import datetime

from db_utils import Database, Transaction, clock
from service_kit.outgoing import AVERTISSEMENT, CRITIQUE, alert

from service_factures import essais, historique
from service_factures.models import Facture
from service_factures.transmission import (
    A_ENVOYER,
    CODE_IRRECEVABLE,
    ENVOYEE,
    PLATEFORME,
    Flux,
    Refusee,
    Statut,
)
from service_factures.transmission_models import Transmission

_log = logging.getLogger(__name__)


async def sent(database: Database, way: Transmission, flux: Flux, sha256: str) -> None:
    """Note that the platform has the invoice; a status that was heard meanwhile stays."""
    async with database.transaction() as tx:
        facture, current = await _locked(tx, way)
        if current.tracking_id != way.tracking_id:
            _log.warning("flow %s of invoice %s was given up meanwhile", flux.flow_id, facture.id)
            return
        now = clock.now()
        await tx.update(
            current,
            flow_id=flux.flow_id or current.flow_id,
            sha256=sha256,
            deposee_le=flux.depose_le or now,
            prochain_essai=None,
        )
        if facture.statut_transmission == A_ENVOYER:
            await historique.note(tx, facture, ENVOYEE, now)


async def refused(database: Database, way: Transmission, error: Refusee) -> None:
    """Note that the platform will never take the file: the invoice is IRRECEVABLE."""
    async with database.transaction() as tx:
        facture, current = await _locked(tx, way)
        if _is_over(current, way):
            return
        date = max(clock.now(), current.statut_le or clock.now())
        statut = Statut(
            code=CODE_IRRECEVABLE, date=date, origine=PLATEFORME, motif_code=error.code, texte=error.texte
        )
        await historique.record(tx, facture, statut)


async def waits(
    database: Database, way: Transmission, until: datetime, cause: str, *, tried: bool = True
) -> None:
    """Have the invoice tried again; the finance team is told, once, when it has waited for long.

    An attempt that could not be made, not *tried*, does not count.
    """
    _log.warning("invoice %s is not sent yet, attempt %d: %s", way.facture_id, way.tentatives, cause)
    async with database.transaction() as tx:
        facture, current = await _locked(tx, way)
        if _is_over(current, way):
            return
        attempts = way.tentatives if tried else way.tentatives - 1
        await tx.update(current, prochain_essai=until, tentatives=attempts)
        if clock.now() - current.depuis >= essais.ALARMING:
            _log.error("invoice %s has waited since %s: %s", way.facture_id, current.depuis, cause)
            await _tell_waiting(tx, facture, current)


async def locked_out(
    database: Database, facture: Facture, way: Transmission, until: datetime, cause: str
) -> None:
    """Have the invoice tried again, and the finance team told, once a day, that the account is refused."""
    await waits(database, way, until, cause)
    await tell_locked_out(database, facture.organisation_id, facture.societe_id)


async def tell_locked_out(database: Database, organisation_id: str, societe_id: str) -> None:
    """Tell the finance team, once a day, that a platform refuses the account of a société."""
    societe = societe_id or "par défaut"
    async with database.transaction() as tx:
        await alert(
            tx,
            organisation_id,
            f"transmission:acces:{organisation_id}:{societe_id}:{clock.today()}",
            niveau=CRITIQUE,
            titre="Accès à la plateforme refusé",
            message=f"La plateforme agréée refuse le compte de la société {societe} : les factures "
            "attendent. Vérifiez l'identifiant et le secret de la connexion.",
        )


async def _locked(tx: Transaction, way: Transmission) -> tuple[Facture, Transmission]:
    facture = await tx.get(Facture, way.facture_id, lock=True)
    current = await tx.get(Transmission, way.facture_id, lock=True)
    assert facture is not None, "what was issued stays"
    assert current is not None, "so does its way"
    return facture, current


def _is_over(current: Transmission, way: Transmission) -> bool:
    """Whether the attempt *way* no longer matters: a status was heard, or the invoice is sent anew."""
    return current.prochain_essai is None or current.tracking_id != way.tracking_id


async def _tell_waiting(tx: Transaction, facture: Facture, way: Transmission) -> None:
    await alert(
        tx,
        facture.organisation_id,
        f"transmission:attente:{facture.id}:{way.depuis.isoformat()}",
        niveau=AVERTISSEMENT,
        titre=f"Transmission : {historique.named(facture)} en attente",
        message=f"La {historique.named(facture)} n'a pas encore pu être transmise à la plateforme, depuis "
        "plus de trois jours. Elle continue d'être tentée.",
    )
