"""Rules of tasks, as pure functions that make rows or changes of requests, or refuse them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm.activites import activites_pb2 as pb
from crm.notifications.notifications_pb2 import CreateNotificationRequest
from google.protobuf.struct_pb2 import Struct
from grpc_utils import Identity, at_most, changes, content_hash, free_structure, opaque_id, required
from grpc_utils.errors import FailedPrecondition, FormatInvalide, TransitionInterdite

from service_activites.models import A_FAIRE, ANNULEE, EN_COURS, TERMINEE, Tache
from service_activites.periodes import OPEN
from service_activites.rules import author, given_instant, instant_changes, opaque_ids

_DEEPEST = 10  # objects and lists within each other in a metadata
_LONGEST_MOTIF = 500  # characters
_CHANGEABLE_IDS = ("assigne_a", "client_id", "contrat_id", "facture_id")
_IDS = (*_CHANGEABLE_IDS, "regle_relance_id")
_TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    A_FAIRE: (EN_COURS, TERMINEE, ANNULEE),
    EN_COURS: (TERMINEE, ANNULEE),
    TERMINEE: (EN_COURS,),
    ANNULEE: (),
}


class TacheClose(FailedPrecondition):
    """Une tâche terminée ou annulée ne peut plus être modifiée."""


def new_tache(request: pb.CreateTacheRequest, identity: Identity) -> Tache:
    """New task of *identity* with the fields of *request* (R7, R16). Raises InvalidArgument."""
    return Tache(
        organisation_id=request.organisation_id,
        titre=required(request.titre, "titre"),
        description=request.description or None,
        type=request.type or "autre",
        priorite=request.priorite or "normale",
        date_echeance=given_instant(request, "date_echeance"),
        cree_par=author(identity),
        metadata_=_metadata(request.metadata),
        cle_idempotence=request.cle_idempotence or None,
        contenu_hash=content_hash(request) if request.cle_idempotence else None,
        **opaque_ids(request, _IDS),
    )


def tache_changes(tache: Tache, request: pb.UpdateTacheRequest) -> dict[str, Any]:
    """Columns of *tache* that *request* changes; never its statut (R11).

    Raises InvalidArgument, and TacheClose for a task that is not open.
    """
    if tache.statut not in OPEN:
        raise TacheClose(statut=tache.statut)
    mandatory = ("titre", "type", "priorite")
    changed = changes(request, (*mandatory, "description", *_CHANGEABLE_IDS), mandatory=mandatory)
    changed |= {name: opaque_id(changed[name] or "", name) for name in _CHANGEABLE_IDS if name in changed}
    changed |= instant_changes(request, ("date_echeance",))
    if request.HasField("metadata"):
        changed["metadata_"] = _metadata(request.metadata)
    return changed


def marked(tache: Tache, statut: str, now: datetime, motif: str = "") -> dict[str, Any]:
    """Columns of *tache* that change when it gets *statut*, none when it has it (R8, R9, R10).

    Raises TransitionInterdite, TropLong.
    """
    at_most(motif, _LONGEST_MOTIF, "motif")
    if tache.statut == statut:
        return {}
    if statut not in _TRANSITIONS[tache.statut]:
        raise TransitionInterdite(de=tache.statut, vers=statut)
    return {
        "statut": statut,
        "date_completion": now if statut == TERMINEE else None,
        "motif_annulation": motif or None,
    }


def is_told(assigne_a: str | None, former: str | None, identity: Identity) -> bool:
    """Whether *assigne_a*, who gets a task that *former* had, is told of it (R17)."""
    return bool(assigne_a) and assigne_a not in (former, identity.user_id)


def assignment(tache: Tache) -> CreateNotificationRequest:
    """The notification for the person to whom *tache* is given (R17)."""
    request = CreateNotificationRequest(
        organisation_id=tache.organisation_id,
        destinataire_type="UTILISATEUR",
        destinataire_id=tache.assigne_a or "",
        type="TACHE_ASSIGNEE",
        titre="Tâche assignée",
        message=f"La tâche « {tache.titre} » vous est confiée.",
        lien_url=f"/taches/{tache.id}",
        cle_idempotence=f"tache:{tache.id}:{tache.version}",
    )
    request.metadata["tache_id"] = str(tache.id)
    return request


def _metadata(asked: Struct) -> dict[str, Any]:
    content = free_structure(asked, "metadata")
    if _depth(content) > _DEEPEST:
        raise FormatInvalide(champ="metadata")
    return content


def _depth(value: object) -> int:
    """How many objects and lists are within each other in *value*, itself included."""
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0
