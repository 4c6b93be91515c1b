"""PartenaireMarqueBlancheService: partners that sell under a brand of their own."""

from crm.common.common_pb2 import DeleteResponse
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import PartenaireMarqueBlancheServiceServicer
from db_utils import Listing
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings

from service_organisations import rules
from service_organisations.models import Partenaire

PARTENAIRES = Listing(
    Partenaire,
    sorts=("denomination",),
    filters=("statut",),
    search=Partenaire.recherche_cle,
)


class PartenaireMarqueBlancheService(PartenaireMarqueBlancheServiceServicer):
    """White-label partners of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreatePartenaireRequest, context: Context) -> pb.Partenaire:
        """Add a partner, also to an organisation that was never created here."""
        partenaire = rules.new_partenaire(request)
        async with self._db.transaction() as tx:
            await tx.insert(partenaire)
        return _message(partenaire)

    async def Get(self, request: pb.GetPartenaireRequest, context: Context) -> pb.Partenaire:
        """Read a partner with its theme."""
        return _message(found(await self._db.read().get(Partenaire, request.id)))

    async def List(self, request: pb.ListPartenairesRequest, context: Context) -> pb.ListPartenairesResponse:
        """List partners by name."""
        page = await page_of(PARTENAIRES, self._db.read(), request)
        return list_answer(pb.ListPartenairesResponse, page, map(_message, page.rows))

    async def Update(self, request: pb.UpdatePartenaireRequest, context: Context) -> pb.Partenaire:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            partenaire = found(await tx.get(Partenaire, request.id, lock=True))
            changed = rules.partenaire_changes(partenaire, request)
            await tx.update(partenaire, expected=expected_version(request), **changed)
        return _message(partenaire)

    async def Delete(self, request: pb.DeletePartenaireRequest, context: Context) -> DeleteResponse:
        """Remove for good a partner in PROSPECT or RESILIE (R12)."""
        async with self._db.transaction() as tx:
            partenaire = await tx.get(Partenaire, request.id, lock=True)
            if partenaire is not None:
                rules.check_deletable(partenaire)
                await tx.delete(partenaire)
        return DeleteResponse(success=partenaire is not None)


def _message(partenaire: Partenaire) -> pb.Partenaire:
    return to_message(partenaire, pb.Partenaire, theme=to_message(partenaire, pb.Theme))
