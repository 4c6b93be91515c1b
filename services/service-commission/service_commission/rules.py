"""Rules of bordereaux as pure functions: rows and changes from requests, or refusals."""

from typing import Any

from crm.commission import commission_pb2 as pb
from grpc_utils import changes, required

from service_commission.models import Bordereau


def new_bordereau(request: pb.CreateBordereauRequest) -> Bordereau:
    """The row for *request* (R1). Raises ChampRequis."""
    return Bordereau(organisation_id=request.organisation_id, nom=required(request.nom, "nom"))


def bordereau_changes(request: pb.UpdateBordereauRequest) -> dict[str, Any]:
    """The columns that *request* changes (R1). Raises ChampRequis."""
    return changes(request, ("nom",), mandatory=("nom",))
