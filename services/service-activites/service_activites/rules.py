"""Rules of types and activities, as pure functions that make rows or changes of requests, or refuse them.

Those of tasks are in `taches_rules.py`.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from crm.activites import activites_pb2 as pb
from db_utils import clock
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_utils import Identity, changes, instant, opaque_id, required
from grpc_utils.errors import ChampRequis, FailedPrecondition, FormatInvalide, InvalidArgument

from service_activites.models import Activite, TypeActivite

_CODE = re.compile(r"[A-Z0-9_]{1,50}")
_RATTACHEMENTS = ("client_base_id", "contrat_id", "client_partenaire_id")


class TypeSysteme(FailedPrecondition):
    """Un type fourni par le système ne peut être ni modifié ni supprimé."""


class DesignationAmbigue(InvalidArgument):
    """Désignez le type par son identifiant ou par son code, et non par les deux."""


class RattachementRequis(InvalidArgument):
    """Une activité concerne au moins un client, un contrat ou un partenaire de client."""


class EcheanceAnterieure(InvalidArgument):
    """L'échéance ne peut pas précéder la date de l'activité."""


class PeriodeInvalide(InvalidArgument):
    """La période ne peut pas finir avant de commencer."""


def new_type(request: pb.CreateTypeActiviteRequest) -> TypeActivite:
    """New type of the organisation with the fields of *request* (R1). Raises InvalidArgument."""
    code = required(request.code, "code").upper()
    if not _CODE.fullmatch(code):
        raise FormatInvalide("1 à 50 lettres sans accent, chiffres et _", champ="code")
    return TypeActivite(
        organisation_id=request.organisation_id,
        code=code,
        nom=required(request.nom, "nom"),
        description=request.description or None,
    )


def check_own(kind: TypeActivite) -> None:
    """Refuse to change or delete a type that the system supplies (R3). Raises TypeSysteme."""
    if kind.organisation_id is None:
        raise TypeSysteme


def author(identity: Identity) -> str:
    """Who writes a row: the id of a user, or the name of a service as in service:relance (R5, R7)."""
    return identity.subject


def new_activite(request: pb.CreateActiviteRequest, type_id: UUID, identity: Identity) -> Activite:
    """New activity of *identity* with the fields of *request* (R4, R5). Raises InvalidArgument."""
    activite = Activite(
        organisation_id=request.organisation_id,
        type_id=type_id,
        date_activite=given_instant(request, "date_activite") or clock.now(),
        sujet=required(request.sujet, "sujet"),
        commentaire=request.commentaire or None,
        echeance=given_instant(request, "echeance"),
        auteur_id=author(identity),
        **opaque_ids(request, _RATTACHEMENTS),
    )
    if not any(getattr(activite, name) for name in _RATTACHEMENTS):
        raise RattachementRequis(", ".join(_RATTACHEMENTS))
    _check_echeance(activite.date_activite, activite.echeance)
    return activite


def activite_changes(activite: Activite, request: pb.UpdateActiviteRequest) -> dict[str, Any]:
    """Columns of *activite* that *request* changes, but its type (R4, R5). Raises InvalidArgument."""
    changed = changes(request, ("sujet", "commentaire"), mandatory=("sujet",))
    changed |= instant_changes(request, ("date_activite", "echeance"), mandatory=("date_activite",))
    _check_echeance(
        changed.get("date_activite", activite.date_activite), changed.get("echeance", activite.echeance)
    )
    return changed


def _check_echeance(date_activite: datetime, echeance: datetime | None) -> None:
    if echeance is not None and echeance < date_activite:
        raise EcheanceAnterieure(champ="echeance")


def check_bounds(request: pb.ListActivitesRequest) -> None:
    """Refuse a list of activities that ends before it begins (R6). Raises DateInvalide, PeriodeInvalide."""
    du, au = given_instant(request, "du"), given_instant(request, "au")
    if du is not None and au is not None and du > au:
        raise PeriodeInvalide(champ="du")


def opaque_ids(request: Message, fields: Iterable[str]) -> dict[str, Any]:
    """The ids of other services in *fields* of *request*, None for an empty one. Raises FormatInvalide."""
    return {field: opaque_id(getattr(request, field), field) for field in fields}


def given_instant(request: Message, field: str) -> datetime | None:
    """The instant in *field* of *request*, None when it is absent. Raises DateInvalide."""
    return instant(getattr(request, field)) if request.HasField(field) else None


def instant_changes(
    request: Message, fields: tuple[str, ...], *, mandatory: tuple[str, ...] = ()
) -> dict[str, datetime | None]:
    """The instants among *fields* that an Update carries; an empty one clears its column (C9).

    Raises ChampRequis when one of *mandatory* is empty, DateInvalide.
    """
    changed: dict[str, datetime | None] = {}
    for field in fields:
        if not request.HasField(field):
            continue
        changed[field] = None if getattr(request, field) == Timestamp() else given_instant(request, field)
        if changed[field] is None and field in mandatory:
            raise ChampRequis(champ=field)
    return changed
