"""BordereauService: the bordereaux of an organisation."""

from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Listing
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings

from service_commission import rules
from service_commission.models import Bordereau

BORDEREAUX = Listing(Bordereau, sorts=("nom", "created_at desc"), search=Bordereau.recherche_cle)


class BordereauService(BordereauServiceServicer):
    """Bordereaux of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateBordereauRequest, context: Context) -> pb.Bordereau:
        """Add a bordereau (R1)."""
        async with self._db.transaction() as tx:
            bordereau = await tx.insert(rules.new_bordereau(request))
        return to_message(bordereau, pb.Bordereau)

    async def Get(self, request: pb.GetBordereauRequest, context: Context) -> pb.Bordereau:
        """Read a bordereau."""
        return to_message(found(await self._db.read().get(Bordereau, request.id)), pb.Bordereau)

    async def List(self, request: pb.ListBordereauxRequest, context: Context) -> pb.ListBordereauxResponse:
        """List bordereaux by name or, if asked, the newest first (R2)."""
        page = await page_of(BORDEREAUX, self._db.read(), request)
        return list_answer(pb.ListBordereauxResponse, page)

    async def Update(self, request: pb.UpdateBordereauRequest, context: Context) -> pb.Bordereau:
        """Change the fields that the request carries (R1)."""
        async with self._db.transaction() as tx:
            bordereau = found(await tx.get(Bordereau, request.id, lock=True))
            changed = rules.bordereau_changes(request)
            await tx.update(bordereau, expected=expected_version(request), **changed)
        return to_message(bordereau, pb.Bordereau)

    async def Delete(self, request: pb.DeleteBordereauRequest, context: Context) -> DeleteResponse:
        """Remove a bordereau for good (R3)."""
        async with self._db.transaction() as tx:
            bordereau = await tx.get(Bordereau, request.id, lock=True)
            if bordereau is not None:
                await tx.delete(bordereau)
        return DeleteResponse(success=bordereau is not None)
