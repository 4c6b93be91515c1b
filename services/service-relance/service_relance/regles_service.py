"""RegleRelanceService: the rules by which reminders are planned.

What a rule may say is in `regles_rules.py`, which one applies in `regles.py`.
"""

from crm.common.common_pb2 import DeleteResponse
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RegleRelanceServiceServicer
from db_utils import Listing, Transaction
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from grpc_utils.errors import EncoreUtilise
from service_kit import App, Settings
from sqlalchemy import bindparam, select

from service_relance.models import IMPAYE, PLANIFIEE, RegleRelance, Relance
from service_relance.references import check_societe
from service_relance.regles import supply_defaults
from service_relance.regles_rules import check_delays, new_regle, regle_changes

REGLES = Listing(RegleRelance, sorts=("ordre", "nom"), filters=("declencheur", "actif", "societe_id"))

_PLANNED_BY = (
    select(Relance.id).where(Relance.regle_id == bindparam("regle_id"), Relance.statut == PLANIFIEE).limit(1)
)
_UNPAID = select(RegleRelance).where(RegleRelance.declencheur == IMPAYE, RegleRelance.actif)


class RegleRelanceService(RegleRelanceServiceServicer):
    """Rules of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._app = app
        self._db = app.database

    async def Create(self, request: pb.CreateRegleRelanceRequest, context: Context) -> pb.RegleRelance:
        """Add an active rule; reminders that are planned already keep theirs (R2, R3, R6)."""
        regle = new_regle(request)
        await check_societe(self._app, regle.societe_id)
        async with self._db.transaction() as tx:
            await tx.insert(regle)
            await _check_order(tx, regle)
        return to_message(regle, pb.RegleRelance)

    async def Get(self, request: pb.GetRegleRelanceRequest, context: Context) -> pb.RegleRelance:
        """Read a rule."""
        return to_message(found(await self._db.read().get(RegleRelance, request.id)), pb.RegleRelance)

    async def List(
        self, request: pb.ListReglesRelanceRequest, context: Context
    ) -> pb.ListReglesRelanceResponse:
        """List rules in their order; an organisation that never had any is given the default set (R1)."""
        page = await page_of(REGLES, self._db.read(), request)
        if not page.rows and request.organisation_id:
            async with self._db.transaction() as tx:
                await supply_defaults(tx, request.organisation_id)
            page = await page_of(REGLES, self._db.read(), request)
        return list_answer(pb.ListReglesRelanceResponse, page)

    async def Update(self, request: pb.UpdateRegleRelanceRequest, context: Context) -> pb.RegleRelance:
        """Change the fields that the request carries (R2, R3)."""
        await check_societe(self._app, request.societe_id)
        async with self._db.transaction() as tx:
            regle = found(await tx.get(RegleRelance, request.id, lock=True))
            changed = regle_changes(regle, request)
            await tx.update(regle, expected=expected_version(request), **changed)
            await _check_order(tx, regle)
        return to_message(regle, pb.RegleRelance)

    async def Delete(self, request: pb.DeleteRegleRelanceRequest, context: Context) -> DeleteResponse:
        """Remove a rule by which no reminder is planned; it never comes back (R1)."""
        async with self._db.transaction() as tx:
            regle = await tx.get(RegleRelance, request.id, lock=True)
            if regle is not None:
                if await tx.one(_PLANNED_BY, regle_id=regle.id):
                    raise EncoreUtilise
                await tx.update(regle, actif=False)  # another one may take its place
                await tx.delete(regle)
        return DeleteResponse(success=regle is not None)


async def _check_order(tx: Transaction, regle: RegleRelance) -> None:
    """Refuse an active rule that would ask before a lower level, or with it (R2).

    The lock comes after the write: of two changes at once the later one sees the other.
    """
    if regle.actif and regle.declencheur == IMPAYE:
        await tx.lock("delais", regle.organisation_id)
        check_delays(regle, await tx.all(_UNPAID))
