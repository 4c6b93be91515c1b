"""ModeleDistributionService: ways of distribution, and the one that an organisation begins with."""

from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import ModeleDistributionServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Listing, Transaction
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings
from sqlalchemy import bindparam, select
from user_sync import UtilisateurLocal

from service_commerciaux import rules
from service_commerciaux.models import ModeleDistribution

MODELES = Listing(ModeleDistribution, sorts=("nom",), search=ModeleDistribution.recherche_cle)
_ANY = (
    select(ModeleDistribution.id)
    .where(ModeleDistribution.organisation_id == bindparam("organisation_id"))
    .limit(1)
)


class ModeleDistributionService(ModeleDistributionServiceServicer):
    """Distribution models of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(
        self, request: pb.CreateModeleDistributionRequest, context: Context
    ) -> pb.ModeleDistribution:
        """Add a model (R8)."""
        modele = rules.new_modele(request)
        async with self._db.transaction() as tx:
            await tx.insert(modele)
        return to_message(modele, pb.ModeleDistribution)

    async def List(
        self, request: pb.ListModelesDistributionRequest, context: Context
    ) -> pb.ListModelesDistributionResponse:
        """List models by name."""
        page = await page_of(MODELES, self._db.read(), request)
        return list_answer(pb.ListModelesDistributionResponse, page)

    async def Update(
        self, request: pb.UpdateModeleDistributionRequest, context: Context
    ) -> pb.ModeleDistribution:
        """Change the fields that the request carries; the code stays."""
        async with self._db.transaction() as tx:
            modele = found(await tx.get(ModeleDistribution, request.id, lock=True))
            changed = rules.modele_changes(request)
            await tx.update(modele, expected=expected_version(request), **changed)
        return to_message(modele, pb.ModeleDistribution)

    async def Delete(self, request: pb.DeleteModeleDistributionRequest, context: Context) -> DeleteResponse:
        """Remove for good a model that no apporteur has (R8)."""
        async with self._db.transaction() as tx:
            modele = await tx.get(ModeleDistribution, request.id, lock=True)
            if modele is not None:
                await tx.delete(modele)
        return DeleteResponse(success=modele is not None)


async def open_organisation(tx: Transaction, organisation_id: str, user: UtilisateurLocal) -> None:
    """Give an organisation that is new here, and has no model, the model DIRECT (R20)."""
    if await tx.one(_ANY, organisation_id=organisation_id) is None:
        # Somebody may be adding a model of this code at the same moment.
        await tx.insert(rules.direct(organisation_id), if_absent=True)
