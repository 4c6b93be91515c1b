"""HistoriqueRelanceService: what was carried out, ignored or has failed, line by line."""

from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import HistoriqueRelanceServiceServicer
from grpc_utils import Context
from service_kit import App, Settings


class HistoriqueRelanceService(HistoriqueRelanceServiceServicer):
    """History of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def List(
        self, request: pb.ListHistoriquesRelanceRequest, context: Context
    ) -> pb.ListHistoriquesRelanceResponse:
        """List the lines of the history, the latest first."""
        raise NotImplementedError
