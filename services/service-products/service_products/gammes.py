"""GammeService: the ranges (gammes) into which an organisation sorts its products."""

from crm.products import products_pb2 as pb
from crm.products.products_pb2_grpc import GammeServiceServicer
from db_utils import Listing
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings

from service_products import rules
from service_products.models import Gamme

GAMMES = Listing(Gamme, sorts=("ordre", "nom"), filters=("actif",))


class GammeService(GammeServiceServicer):
    """Gammes of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateGammeRequest, context: Context) -> pb.Gamme:
        """Add a gamme; a code occurs once in an organisation (R1)."""
        async with self._db.transaction() as tx:
            gamme = await tx.insert(rules.new_gamme(request))
        return to_message(gamme, pb.Gamme)

    async def List(self, request: pb.ListGammesRequest, context: Context) -> pb.ListGammesResponse:
        """List gammes in the order that people gave them, or by name."""
        page = await page_of(GAMMES, self._db.read(), request)
        return list_answer(pb.ListGammesResponse, page)

    async def Update(self, request: pb.UpdateGammeRequest, context: Context) -> pb.Gamme:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            gamme = found(await tx.get(Gamme, request.id, lock=True))
            await tx.update(gamme, expected=expected_version(request), **rules.gamme_changes(request))
        return to_message(gamme, pb.Gamme)
