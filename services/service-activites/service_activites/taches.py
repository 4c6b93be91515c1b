"""TacheService: the tasks of the teams. Counts and alerts are in `suivi.py`."""

from crm.activites import activites_pb2 as pb
from crm.activites.activites_pb2_grpc import TacheServiceServicer
from crm.common.common_pb2 import DeleteResponse
from crm.notifications.notifications_pb2_grpc import NotificationServiceStub
from db_utils import Listing, clock
from grpc_utils import (
    Afterwards,
    Context,
    caller,
    expected_version,
    found,
    insert_once,
    list_answer,
    page_of,
)
from service_kit import App, Settings

from service_activites import suivi, taches_rules
from service_activites.models import ANNULEE, EN_COURS, TERMINEE, Tache
from service_activites.periodes import bounds

TACHES = Listing(
    Tache,
    sorts=("date_echeance nulls last", "priorite desc", "created_at"),
    filters={
        "statut": None,
        "type": None,
        "priorite": None,
        "assigne_a": None,
        "client_id": None,
        "contrat_id": None,
        "facture_id": None,
        "en_retard": lambda _: suivi.LATE,
        "periode": lambda _: suivi.DUE,
    },
    search=Tache.recherche_cle,
)


class TacheService(TacheServiceServicer):
    """Tasks of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._notifications = app.database, app.peers.stub(NotificationServiceStub)
        self._afterwards = Afterwards()

    async def Create(self, request: pb.CreateTacheRequest, context: Context) -> pb.Tache:
        """Add a task, once per key (R16), and tell the person to whom it is given (R17)."""
        tache = taches_rules.new_tache(request, caller())
        async with self._db.transaction() as tx:
            stored = await insert_once(tx, tache)
        if stored is tache:
            self._tell(tache, former=None)
        return suivi.message(stored, clock.now())

    async def Get(self, request: pb.GetTacheRequest, context: Context) -> pb.Tache:
        """Read a task."""
        return suivi.message(found(await self._db.read().get(Tache, request.id)), clock.now())

    async def List(self, request: pb.ListTachesRequest, context: Context) -> pb.ListTachesResponse:
        """List tasks, those that fall due first unless another sort is asked for (R12, R13, R18)."""
        now, current = clock.now(), {}
        if request.periode:
            current["debut"], current["fin"] = bounds(request.periode, clock.today())
        page = await page_of(TACHES, self._db.read(), request, current=current | {"now": now})
        messages = [suivi.message(row, now) for row in page.rows]
        return list_answer(pb.ListTachesResponse, page, messages)

    async def Update(self, request: pb.UpdateTacheRequest, context: Context) -> pb.Tache:
        """Change the fields that the request carries (R11); a new assignee is told (R17)."""
        async with self._db.transaction() as tx:
            tache = found(await tx.get(Tache, request.id, lock=True))
            changed, former = taches_rules.tache_changes(tache, request), tache.assigne_a
            await tx.update(tache, expected=expected_version(request), **changed)
        self._tell(tache, former)
        return suivi.message(tache, clock.now())

    async def Delete(self, request: pb.DeleteTacheRequest, context: Context) -> DeleteResponse:
        """Remove a task for good (R19)."""
        async with self._db.transaction() as tx:
            tache = await tx.get(Tache, request.id, lock=True)
            if tache is not None:
                await tx.delete(tache)
        return DeleteResponse(success=tache is not None)

    async def MarquerEnCours(self, request: pb.MarquerEnCoursRequest, context: Context) -> pb.Tache:
        """Begin a task, or open again one that is terminee (R8)."""
        return await self._mark(request.id, EN_COURS)

    async def MarquerTerminee(self, request: pb.MarquerTermineeRequest, context: Context) -> pb.Tache:
        """Complete a task now (R10)."""
        return await self._mark(request.id, TERMINEE)

    async def MarquerAnnulee(self, request: pb.MarquerAnnuleeRequest, context: Context) -> pb.Tache:
        """Give a task up for good (R10)."""
        return await self._mark(request.id, ANNULEE, request.motif)

    async def GetStats(self, request: pb.GetStatsTachesRequest, context: Context) -> pb.StatsTaches:
        """Count the tasks by statut (R14)."""
        return await suivi.stats(self._db.read(), request.assigne_a)

    async def GetAlertes(self, request: pb.GetAlertesTachesRequest, context: Context) -> pb.AlertesTaches:
        """Tell the open tasks that are late or fall due tomorrow (R15)."""
        return await suivi.alertes(self._db.read(), request.assigne_a)

    async def _mark(self, tache_id: str, statut: str, motif: str = "") -> pb.Tache:
        async with self._db.transaction() as tx:
            tache = found(await tx.get(Tache, tache_id, lock=True))
            await tx.update(tache, **taches_rules.marked(tache, statut, clock.now(), motif))
        return suivi.message(tache, clock.now())

    def _tell(self, tache: Tache, former: str | None) -> None:
        """Notify the assignee of *tache*, which *former* had, at best effort (R17)."""
        if taches_rules.is_told(tache.assigne_a, former, caller()):
            request = taches_rules.assignment(tache)
            self._afterwards.start(
                f"the notification of task {tache.id}", lambda: self._notifications.Create(request)
            )
