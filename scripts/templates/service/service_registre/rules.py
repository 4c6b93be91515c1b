"""Rules of fiches as pure functions: rows and changes from requests, or refusals."""

from typing import Any

from crm.registre import registre_pb2 as pb
from grpc_utils import changes, required

from service_registre.models import Fiche


def new_fiche(request: pb.CreateFicheRequest) -> Fiche:
    """The row for *request* (R1). Raises ChampRequis."""
    return Fiche(organisation_id=request.organisation_id, nom=required(request.nom, "nom"))


def fiche_changes(request: pb.UpdateFicheRequest) -> dict[str, Any]:
    """The columns that *request* changes (R1). Raises ChampRequis."""
    return changes(request, ("nom",), mandatory=("nom",))
