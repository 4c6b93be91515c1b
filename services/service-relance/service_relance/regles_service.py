"""RegleRelanceService: the rules by which reminders are planned."""

from crm.common.common_pb2 import DeleteResponse
from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RegleRelanceServiceServicer
from grpc_utils import Context
from service_kit import App, Settings


class RegleRelanceService(RegleRelanceServiceServicer):
    """Rules of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Create(self, request: pb.CreateRegleRelanceRequest, context: Context) -> pb.RegleRelance:
        """Create a rule."""
        raise NotImplementedError

    async def Get(self, request: pb.GetRegleRelanceRequest, context: Context) -> pb.RegleRelance:
        """Read a rule."""
        raise NotImplementedError

    async def List(
        self, request: pb.ListReglesRelanceRequest, context: Context
    ) -> pb.ListReglesRelanceResponse:
        """List rules in their order."""
        raise NotImplementedError

    async def Update(self, request: pb.UpdateRegleRelanceRequest, context: Context) -> pb.RegleRelance:
        """Change a rule."""
        raise NotImplementedError

    async def Delete(self, request: pb.DeleteRegleRelanceRequest, context: Context) -> DeleteResponse:
        """Delete a rule."""
        raise NotImplementedError
