"""Daily job: commissions of contracts that were terminated within their window are taken back (R20).

It begins at 06:30 in Paris and looks again for what is left, so that an organisation for which contrats
was away is done within the hour.
"""

import asyncio
import hashlib
import logging
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import grpc
from crm.contrats.contrats_pb2 import Contrat, GetContratRequest
from crm.contrats.contrats_pb2_grpc import ContratServiceStub
from db_utils import Scope, clock, within
from grpc_utils import answered_or_none
from grpc_utils.errors import Unavailable
from service_kit import App, Worker
from sqlalchemy import Date, Integer, bindparam, cast, exists, func, select

from service_commission import audit
from service_commission.declenchement import Demande, FenetreExpiree, triggered
from service_commission.models import ANNULEE, INITIALE, RESILIATION, Commission, DemandeReprise
from service_commission.montants import RESILIE

_BEGIN: Final = time(6, 30)
_BEHIND: Final = timedelta(days=7)  # how long after its window a termination may become known
_AT_ONCE: Final = 16  # contracts that are asked for together

_months = cast(Commission.bareme_snapshot["duree_reprises_mois"].astext, Integer)
_window_end = cast(Commission.date_encaissement + func.make_interval(0, _months), Date)
_OPEN: Any = (
    Commission.type == INITIALE,
    Commission.statut != ANNULEE,
    Commission.montant_repris < Commission.montant,
    Commission.contrat_id.is_not(None),
    _window_end > bindparam("since", type_=Date),
    ~exists().where(
        DemandeReprise.organisation_id == Commission.organisation_id,
        DemandeReprise.cle == func.concat("resiliation:", Commission.contrat_id),
    ),
)
_ORGANISATIONS: Final = select(Commission.organisation_id).where(*_OPEN).distinct()
_CONTRATS: Final = select(Commission.contrat_id).where(*_OPEN).distinct()

_log = logging.getLogger(__name__)


class Passages:
    """Days on which each organisation was last done, in the memory of this process.

    A restart forgets them: the day's work is done again, and takes nothing back a second time.
    """

    def __init__(self, app: App[Any]) -> None:
        self.done: dict[str, date] = {}


async def take_back_terminated(app: App[Any]) -> None:
    """Take back what is due of terminated contracts, organisation by organisation."""
    if not _has_begun(clock.now()):
        return
    done, today = app.part(Passages).done, clock.today()
    for organisation_id in await app.database.read().all(_ORGANISATIONS, since=today - _BEHIND):
        if done.get(organisation_id) == today:
            continue
        with within(Scope(organisation_id)):
            try:
                await in_organisation(app, organisation_id)
            except Unavailable as error:
                _log.warning("terminated contracts wait: %s %s", error.reason, error.metadata)
                return  # one call has waited in vain: those of the other organisations would, too
            except grpc.aio.AioRpcError as error:
                _log.error("terminated contracts of %s wait: %s", organisation_id, error.code().name)
                continue
        done[organisation_id] = today


async def in_organisation(app: App[Any], organisation_id: str) -> None:
    """The same for the organisation of the scope. Raises Unavailable while contrats is away."""
    open_contrats = await app.database.read().all(_CONTRATS, since=clock.today() - _BEHIND)
    stub = app.peers.stub(ContratServiceStub)
    for start in range(0, len(open_contrats), _AT_ONCE):
        some = open_contrats[start : start + _AT_ONCE]
        asked = (answered_or_none(stub.Get(GetContratRequest(id=contrat_id or ""))) for contrat_id in some)
        for contrat in await asyncio.gather(*asked):
            if contrat is not None and contrat.statut == RESILIE and contrat.date_resiliation:
                await _take_back(app, organisation_id, contrat)


async def _take_back(app: App[Any], organisation_id: str, contrat: Contrat) -> None:
    cle = f"resiliation:{contrat.id}"
    demande = Demande(
        organisation_id=organisation_id,
        type=RESILIATION,
        date_evenement=date.fromisoformat(contrat.date_resiliation),
        champ="contrat_id",
        cible=contrat.id,
        cle=cle,
        empreinte=hashlib.sha256(cle.encode()).digest(),
        motif="Contrat résilié",
    )
    try:
        async with app.database.transaction() as tx:
            await triggered(tx, demande, audit.SYSTEME)
    except FenetreExpiree:
        _log.info("contract %s was terminated after its window", contrat.id)


def _has_begun(instant: datetime) -> bool:
    return instant.astimezone(clock.PARIS).time() >= _BEGIN


RESILIATIONS = Worker("resiliations", take_back_terminated, every=timedelta(minutes=30))
