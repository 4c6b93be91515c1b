"""StatutClientService: statuses of clients, those of the system and those an organisation adds."""

from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import StatutClientServiceServicer
from crm.common.common_pb2 import DeleteResponse
from db_utils import Listing
from grpc_utils import Context, changes, expected_version, found, list_answer, page_of, to_message
from grpc_utils.errors import EncoreUtilise, ExisteDeja
from service_kit import App, Settings
from sqlalchemy import bindparam, select

from service_clients import rules
from service_clients.models import ClientBase, StatutClient

STATUTS = Listing(StatutClient, sorts=("ordre_affichage",))
# The unique index compares codes within an organisation, and not with those of the system.
_SUPPLIED = select(StatutClient.id).where(
    StatutClient.organisation_id.is_(None), StatutClient.code == bindparam("code")
)
_USED = (
    select(ClientBase.id)
    .where(ClientBase.organisation_id == bindparam("organisation_id"), ClientBase.statut == bindparam("code"))
    .limit(1)
)


class StatutClientService(StatutClientServiceServicer):
    """Statuses of the system and of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateStatutClientRequest, context: Context) -> pb.StatutClient:
        """Add a status; the codes of the system cannot be redefined (R17)."""
        statut = rules.new_statut(request)
        async with self._db.transaction() as tx:
            supplied = await tx.one(_SUPPLIED, code=statut.code)
            if supplied is not None:
                raise ExisteDeja(contrainte="uq_statut_client_code", id=str(supplied))
            await tx.insert(statut)
        return to_message(statut, pb.StatutClient)

    async def Update(self, request: pb.UpdateStatutClientRequest, context: Context) -> pb.StatutClient:
        """Change the fields that the request carries."""
        async with self._db.transaction() as tx:
            statut = found(await tx.get(StatutClient, request.id, lock=True))
            rules.check_own(statut)
            changed = changes(request, ("nom", "description", "ordre_affichage"), mandatory=("nom",))
            await tx.update(statut, expected=expected_version(request), **changed)
        return to_message(statut, pb.StatutClient)

    async def List(
        self, request: pb.ListStatutClientsRequest, context: Context
    ) -> pb.ListStatutClientsResponse:
        """List the statuses a client of the organisation may have."""
        page = await page_of(STATUTS, self._db.read(), request)
        return list_answer(pb.ListStatutClientsResponse, page)

    async def Delete(self, request: pb.DeleteStatutClientRequest, context: Context) -> DeleteResponse:
        """Remove a status of the organisation that no living client has (R17)."""
        async with self._db.transaction() as tx:
            statut = await tx.get(StatutClient, request.id, lock=True)
            if statut is not None:
                rules.check_own(statut)
                if await tx.one(_USED, organisation_id=statut.organisation_id, code=statut.code):
                    raise EncoreUtilise
                await tx.delete(statut)
        return DeleteResponse(success=statut is not None)
