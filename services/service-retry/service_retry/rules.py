"""Rules of politiques as pure functions: rows and changes from requests, or refusals."""

from typing import Any

from crm.retry import retry_pb2 as pb
from grpc_utils import changes, required

from service_retry.models import Politique


def new_politique(request: pb.CreatePolitiqueRequest) -> Politique:
    """The row for *request* (R1). Raises ChampRequis."""
    return Politique(organisation_id=request.organisation_id, nom=required(request.nom, "nom"))


def politique_changes(request: pb.UpdatePolitiqueRequest) -> dict[str, Any]:
    """The columns that *request* changes (R1). Raises ChampRequis."""
    return changes(request, ("nom",), mandatory=("nom",))
