"""ClientEntrepriseService: the company sheets of clients."""

from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import ClientEntrepriseServiceServicer
from db_utils import Listing
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings

from service_clients import fiches
from service_clients.models import ClientEntreprise

ENTREPRISES = Listing(
    ClientEntreprise,
    sorts=("raison_sociale",),
    search=ClientEntreprise.recherche_cle,
)


class ClientEntrepriseService(ClientEntrepriseServiceServicer):
    """Company sheets of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(
        self, request: pb.CreateClientEntrepriseRequest, context: Context
    ) -> pb.ClientEntreprise:
        """Create a company sheet; a SIREN occurs once in an organisation (R15)."""
        async with self._db.transaction() as tx:
            entreprise = await tx.insert(fiches.new_entreprise(request))
        return to_message(entreprise, pb.ClientEntreprise)

    async def Get(self, request: pb.GetClientEntrepriseRequest, context: Context) -> pb.ClientEntreprise:
        """Read a company sheet."""
        entreprise = found(await self._db.read().get(ClientEntreprise, request.id))
        return to_message(entreprise, pb.ClientEntreprise)

    async def List(
        self, request: pb.ListClientEntreprisesRequest, context: Context
    ) -> pb.ListClientEntreprisesResponse:
        """List company sheets by name."""
        page = await page_of(ENTREPRISES, self._db.read(), request)
        return list_answer(pb.ListClientEntreprisesResponse, page)

    async def Update(
        self, request: pb.UpdateClientEntrepriseRequest, context: Context
    ) -> pb.ClientEntreprise:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            entreprise = found(await tx.get(ClientEntreprise, request.id, lock=True))
            changed = fiches.entreprise_changes(entreprise, request)
            await tx.update(entreprise, expected=expected_version(request), **changed)
        return to_message(entreprise, pb.ClientEntreprise)
