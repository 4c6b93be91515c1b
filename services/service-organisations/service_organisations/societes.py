"""SocieteService: legal companies of an organisation."""

from crm.common.common_pb2 import DeleteResponse
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import SocieteServiceServicer
from db_utils import Listing
from grpc_utils import Context, expected_version, found, list_answer, page_of, to_message
from service_kit import App, Settings

from service_organisations import rules
from service_organisations.models import Organisation, Societe

SOCIETES = Listing(Societe, sorts=("raison_sociale",), search=Societe.recherche_cle)


class SocieteService(SocieteServiceServicer):
    """Companies of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateSocieteRequest, context: Context) -> pb.Societe:
        """Add a company; a SIREN occurs once in an organisation (R3)."""
        societe = rules.new_societe(request)
        async with self._db.transaction() as tx:
            # Locked, so that the organisation is not deleted meanwhile (R6).
            found(await tx.get(Organisation, societe.organisation_id, lock=True))
            await tx.insert(societe)
        return to_message(societe, pb.Societe)

    async def Get(self, request: pb.GetSocieteRequest, context: Context) -> pb.Societe:
        """Read a company."""
        return to_message(found(await self._db.read().get(Societe, request.id)), pb.Societe)

    async def ListByOrganisation(
        self, request: pb.ListSocietesByOrganisationRequest, context: Context
    ) -> pb.ListSocietesByOrganisationResponse:
        """List companies by name."""
        page = await page_of(SOCIETES, self._db.read(), request)
        return list_answer(pb.ListSocietesByOrganisationResponse, page)

    async def Update(self, request: pb.UpdateSocieteRequest, context: Context) -> pb.Societe:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            societe = found(await tx.get(Societe, request.id, lock=True))
            changed = rules.societe_changes(societe, request)
            await tx.update(societe, expected=expected_version(request), **changed)
        return to_message(societe, pb.Societe)

    async def Delete(self, request: pb.DeleteSocieteRequest, context: Context) -> DeleteResponse:
        """Hide a company for ever; its SIREN becomes free (R8)."""
        async with self._db.transaction() as tx:
            societe = await tx.get(Societe, request.id, lock=True)
            if societe is not None:
                await tx.delete(societe)
        return DeleteResponse(success=societe is not None)
