"""RemiseService: the remises of an organisation."""

from crm.common.common_pb2 import DeleteResponse
from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import RemiseServiceServicer
from db_utils import Listing
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings

from service_payments import rules
from service_payments.models import Remise

REMISES = Listing(Remise, sorts=("nom", "created_at desc"), search=Remise.recherche_cle)


class RemiseService(RemiseServiceServicer):
    """Remises of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateRemiseRequest, context: Context) -> pb.Remise:
        """Add a remise (R1)."""
        async with self._db.transaction() as tx:
            remise = await tx.insert(rules.new_remise(request))
        return to_message(remise, pb.Remise)

    async def Get(self, request: pb.GetRemiseRequest, context: Context) -> pb.Remise:
        """Read a remise."""
        return to_message(found(await self._db.read().get(Remise, request.id)), pb.Remise)

    async def List(self, request: pb.ListRemisesRequest, context: Context) -> pb.ListRemisesResponse:
        """List remises by name or, if asked, the newest first (R2)."""
        page = await page_of(REMISES, self._db.read(), request)
        return list_answer(pb.ListRemisesResponse, page)

    async def Update(self, request: pb.UpdateRemiseRequest, context: Context) -> pb.Remise:
        """Change the fields that the request carries (R1)."""
        async with self._db.transaction() as tx:
            remise = found(await tx.get(Remise, request.id, lock=True))
            changed = rules.remise_changes(request)
            await tx.update(remise, expected=expected_version(request), **changed)
        return to_message(remise, pb.Remise)

    async def Delete(self, request: pb.DeleteRemiseRequest, context: Context) -> DeleteResponse:
        """Remove a remise for good (R3)."""
        async with self._db.transaction() as tx:
            remise = await tx.get(Remise, request.id, lock=True)
            if remise is not None:
                await tx.delete(remise)
        return DeleteResponse(success=remise is not None)
