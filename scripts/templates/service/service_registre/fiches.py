"""FicheService: the fiches of an organisation."""

from crm.common.common_pb2 import DeleteResponse
from crm.registre import registre_pb2 as pb
from crm.registre.registre_pb2_grpc import FicheServiceServicer
from db_utils import Listing
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings

from service_registre import rules
from service_registre.models import Fiche

FICHES = Listing(Fiche, sorts=("nom", "created_at desc"), search=Fiche.recherche_cle)


class FicheService(FicheServiceServicer):
    """Fiches of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateFicheRequest, context: Context) -> pb.Fiche:
        """Add a fiche (R1)."""
        async with self._db.transaction() as tx:
            fiche = await tx.insert(rules.new_fiche(request))
        return to_message(fiche, pb.Fiche)

    async def Get(self, request: pb.GetFicheRequest, context: Context) -> pb.Fiche:
        """Read a fiche."""
        return to_message(found(await self._db.read().get(Fiche, request.id)), pb.Fiche)

    async def List(self, request: pb.ListFichesRequest, context: Context) -> pb.ListFichesResponse:
        """List fiches by name or, if asked, the newest first (R2)."""
        page = await page_of(FICHES, self._db.read(), request)
        return list_answer(pb.ListFichesResponse, page)

    async def Update(self, request: pb.UpdateFicheRequest, context: Context) -> pb.Fiche:
        """Change the fields that the request carries (R1)."""
        async with self._db.transaction() as tx:
            fiche = found(await tx.get(Fiche, request.id, lock=True))
            changed = rules.fiche_changes(request)
            await tx.update(fiche, expected=expected_version(request), **changed)
        return to_message(fiche, pb.Fiche)

    async def Delete(self, request: pb.DeleteFicheRequest, context: Context) -> DeleteResponse:
        """Remove a fiche for good (R3)."""
        async with self._db.transaction() as tx:
            fiche = await tx.get(Fiche, request.id, lock=True)
            if fiche is not None:
                await tx.delete(fiche)
        return DeleteResponse(success=fiche is not None)
