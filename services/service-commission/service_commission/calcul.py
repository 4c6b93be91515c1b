"""What a receipt is worth."""

from typing import Any

from crm.commission import commission_pb2 as pb
from grpc_utils.errors import Unimplemented
from service_kit import App


class CalculIndisponible(Unimplemented):
    """Le calcul à la demande n'est pas encore disponible."""


async def calculer(app: App[Any], request: pb.CalculerRequest) -> pb.CalculerResponse:
    """Work out a commission."""
    raise CalculIndisponible
