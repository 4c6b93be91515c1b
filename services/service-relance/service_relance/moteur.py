"""RelanceEngineService: what is due is carried out on request, and what became of it is counted.

The work is done in `execution.py` and `statistiques.py`.
"""

from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceEngineServiceServicer
from grpc_utils import Context
from service_kit import App, Settings

from service_relance.statistiques import periode, statistiques


class RelanceEngineService(RelanceEngineServiceServicer):
    """Runs of the caller's organisation, and figures about them."""

    def __init__(self, app: App[Settings]) -> None:
        self._app = app
        self._db = app.database

    async def ExecuteRelances(
        self, request: pb.ExecuteRelancesRequest, context: Context
    ) -> pb.ExecuteRelancesResponse:
        """Carry out what is due in the caller's organisation."""
        raise NotImplementedError

    async def GetStatistiques(
        self, request: pb.GetStatistiquesRelanceRequest, context: Context
    ) -> pb.StatistiquesRelance:
        """Count what was carried out within a period (R23)."""
        return await statistiques(self._db.read(), periode(request))
