"""PolitiqueService: the politiques of an organisation."""

from crm.common.common_pb2 import DeleteResponse
from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import PolitiqueServiceServicer
from db_utils import Listing
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings

from service_retry import rules
from service_retry.models import Politique

POLITIQUES = Listing(Politique, sorts=("nom", "created_at desc"), search=Politique.recherche_cle)


class PolitiqueService(PolitiqueServiceServicer):
    """Politiques of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreatePolitiqueRequest, context: Context) -> pb.Politique:
        """Add a politique (R1)."""
        async with self._db.transaction() as tx:
            politique = await tx.insert(rules.new_politique(request))
        return to_message(politique, pb.Politique)

    async def Get(self, request: pb.GetPolitiqueRequest, context: Context) -> pb.Politique:
        """Read a politique."""
        return to_message(found(await self._db.read().get(Politique, request.id)), pb.Politique)

    async def List(self, request: pb.ListPolitiquesRequest, context: Context) -> pb.ListPolitiquesResponse:
        """List politiques by name or, if asked, the newest first (R2)."""
        page = await page_of(POLITIQUES, self._db.read(), request)
        return list_answer(pb.ListPolitiquesResponse, page)

    async def Update(self, request: pb.UpdatePolitiqueRequest, context: Context) -> pb.Politique:
        """Change the fields that the request carries (R1)."""
        async with self._db.transaction() as tx:
            politique = found(await tx.get(Politique, request.id, lock=True))
            changed = rules.politique_changes(request)
            await tx.update(politique, expected=expected_version(request), **changed)
        return to_message(politique, pb.Politique)

    async def Delete(self, request: pb.DeletePolitiqueRequest, context: Context) -> DeleteResponse:
        """Remove a politique for good (R3)."""
        async with self._db.transaction() as tx:
            politique = await tx.get(Politique, request.id, lock=True)
            if politique is not None:
                await tx.delete(politique)
        return DeleteResponse(success=politique is not None)
