"""AdminService: sealing tokens anew when the encryption keys change (R17)."""

from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import AdminServiceServicer
from grpc_utils import Context
from grpc_utils.errors import FormatInvalide
from service_kit import App

from service_integrations.operations import operated
from service_integrations.rotation import ROUND, Rotation
from service_integrations.settings import IntegrationsSettings


@operated
class AdminService(AdminServiceServicer):
    """Methods for operators, called by services alone."""

    def __init__(self, app: App[IntegrationsSettings]) -> None:
        self._rotation = Rotation(app.database, app.settings.envelope())

    async def ReencryptTokens(
        self, request: pb.ReencryptTokensRequest, context: Context
    ) -> pb.ReencryptTokensResponse:
        """Seal one round of tokens anew; tell how many rows are left. Raises FormatInvalide."""
        if request.limite < 0:
            raise FormatInvalide(champ="limite")
        traites = await self._rotation.round(min(request.limite, ROUND) or ROUND)
        return pb.ReencryptTokensResponse(traites=traites, restants=await self._rotation.left())
