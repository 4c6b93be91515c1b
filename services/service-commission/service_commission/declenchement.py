"""When commissions are taken back."""

from typing import Any

from crm.commission import commission_pb2 as pb
from grpc_utils.errors import Unimplemented
from service_kit import App


class RepriseIndisponible(Unimplemented):
    """La reprise n'est pas encore disponible."""


async def declencher(app: App[Any], request: pb.DeclencherRepriseRequest) -> pb.DeclencherRepriseResponse:
    """Take commissions back."""
    raise RepriseIndisponible
