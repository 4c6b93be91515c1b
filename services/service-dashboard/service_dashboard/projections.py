"""ProjectionService: the projections completed and corrected from the services that own the things (R18).

The rows are made in `rules.py`, receipts are corrected in `encaissements.py`; `nightly` runs it for every
organisation that is at work.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import grpc
from crm.clients.clients_pb2 import ClientBase, ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.dashboard import dashboard_pb2 as pb
from crm.dashboard.dashboard_pb2_grpc import ProjectionServiceServicer
from crm.factures.factures_pb2 import Facture, ListFacturesRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from db_utils import Database, Row, Scope, Transaction, clock, context, within
from db_utils.clock import midnight
from grpc_utils import Context, Peers, all_pages, reason_of
from grpc_utils.errors import Aborted, OrganisationRequise, Refusal
from service_kit import App, Settings, Worker
from sqlalchemy import ARRAY, String, any_, bindparam, select, union

from service_dashboard import rules
from service_dashboard.encaissements import rebuild_receipts
from service_dashboard.models import ClientVu, FactureVue, PaiementVu, Reconstruction
from service_dashboard.reponses import Reponses

_ACTIVE: Final = timedelta(days=30)  # an organisation without news for longer is left alone (R18)
_log = logging.getLogger(__name__)
_STORED = select(FactureVue).where(FactureVue.invoice_id == any_(bindparam("ids", type_=ARRAY(String))))
_since = bindparam("since", type_=FactureVue.emise_le.type)
_AT_WORK = union(
    select(FactureVue.organisation_id).where(FactureVue.emise_le >= _since),
    select(ClientVu.organisation_id).where(ClientVu.cree_le >= _since),
    select(PaiementVu.organisation_id).where(PaiementVu.vu_le >= _since),
)
_DONE_TODAY = select(Reconstruction.organisation_id).where(
    Reconstruction.faite_le >= bindparam("midnight", type_=Reconstruction.faite_le.type)
)


class ReconstructionEnCours(Aborted):
    """Une reconstruction est déjà en cours pour cette organisation."""


class ProjectionService(ProjectionServiceServicer):
    """The projections of an organisation, for services."""

    def __init__(self, app: App[Settings]) -> None:
        self._app = app

    async def Reconstruire(
        self, request: pb.ReconstruireRequest, context: Context
    ) -> pb.ReconstruireResponse:
        """Complete and correct the projections (R18).

        Raises OrganisationRequise, ReconstructionEnCours, and Unavailable while a source is silent.
        """
        if not request.organisation_id:
            raise OrganisationRequise
        return await rebuild(self._app, request.organisation_id)


async def rebuild(app: App[Any], organisation_id: str) -> pb.ReconstruireResponse:
    """Complete and correct the projections of the organisation, page by page. Raises like the RPC."""
    begun = clock.now()
    async with app.database.exclusive(f"projections:{organisation_id}") as mine:
        if not mine:
            raise ReconstructionEnCours
        with within(Scope(organisation_id)):
            clients = [await _add_clients(app.database, page) async for page in _clients(app.peers)]
            factures = [
                await _correct_factures(app.database, page, begun) async for page in _factures(app.peers)
            ]
            paiements = await rebuild_receipts(app.database, app.peers, begun)
            async with app.database.transaction() as tx:
                await _note(tx, organisation_id, begun)
    app.part(Reponses).forget(organisation_id)
    return pb.ReconstruireResponse(clients=sum(clients), factures=sum(factures), paiements=paiements)


async def nightly(app: App[Any]) -> None:
    """Rebuild once a day what belongs to organisations with news of the last 30 days (R18).

    An organisation whose sources are silent has its turn again at the next run.
    """
    reader, now = app.database.read(), clock.now()
    done = await reader.all(_DONE_TODAY, midnight=midnight(clock.today()))
    for organisation_id in sorted(set(await reader.all(_AT_WORK, since=now - _ACTIVE)) - set(done)):
        try:
            await rebuild(app, organisation_id)
        except (Refusal, grpc.aio.AioRpcError) as error:
            _log.warning("the figures of %s are not rebuilt: %s", organisation_id, reason_of(error))


async def _clients(peers: Peers) -> AsyncIterator[Sequence[ClientBase]]:
    async for answer in all_pages(peers.stub(ClientBaseServiceStub).List, ListClientBasesRequest()):
        yield answer.clients


async def _factures(peers: Peers) -> AsyncIterator[Sequence[Facture]]:
    async for answer in all_pages(peers.stub(InvoiceServiceStub).List, ListFacturesRequest(type="FACTURE")):
        yield [one for one in answer.factures if one.HasField("emise_at")]


async def _add_clients(database: Database, clients: Sequence[ClientBase]) -> int:
    """Add those *clients* that no event has told of; return how many they were."""
    organisation_id = context.scope.get().organisation_id or ""
    async with database.transaction() as tx:
        rows: list[Row] = [rules.client_of(one, organisation_id) for one in clients]
        return sum([await tx.insert_if_absent(row) for row in rows])


async def _correct_factures(database: Database, factures: Sequence[Facture], begun: datetime) -> int:
    """Add or correct the rows of *factures* that were issued before *begun*; return how many these were.

    Younger ones are on their way by event.
    """
    organisation_id = context.scope.get().organisation_id or ""
    known = [rules.facture_of(one, organisation_id) for one in factures]
    async with database.transaction() as tx:
        ids = [one.invoice_id for one in known]
        stored = {one.invoice_id: one for one in await tx.all(_STORED, ids=ids)}
        changed = [
            await _corrected(tx, stored.get(one.invoice_id), one) for one in known if one.emise_le < begun
        ]
        return sum(changed)


async def _corrected(tx: Transaction, stored: FactureVue | None, known: FactureVue) -> bool:
    if stored is None:
        return await tx.insert_if_absent(known)
    if stored.montant == known.montant:
        return False
    await tx.update(stored, montant=known.montant)
    return True


async def _note(tx: Transaction, organisation_id: str, begun: datetime) -> None:
    former = await tx.get(Reconstruction, organisation_id)
    if former is None:
        await tx.insert(Reconstruction(organisation_id=organisation_id, faite_le=begun), if_absent=True)
    else:
        await tx.update(former, faite_le=begun)


# After midnight within the hour, and so what an outage has left (C18).
REBUILDING: Final = Worker("reconstruire_projections", nightly, every=timedelta(hours=1))
