"""Rules of remises as pure functions: rows and changes from requests, or refusals."""

from typing import Any

from crm.payments import payments_pb2 as pb
from grpc_utils import changes, required

from service_payments.models import Remise


def new_remise(request: pb.CreateRemiseRequest) -> Remise:
    """The row for *request* (R1). Raises ChampRequis."""
    return Remise(organisation_id=request.organisation_id, nom=required(request.nom, "nom"))


def remise_changes(request: pb.UpdateRemiseRequest) -> dict[str, Any]:
    """The columns that *request* changes (R1). Raises ChampRequis."""
    return changes(request, ("nom",), mandatory=("nom",))
