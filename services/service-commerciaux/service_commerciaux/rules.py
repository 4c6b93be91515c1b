"""Rules of apporteurs and distribution models, as pure functions.

They turn requests into rows or changes, or refuse them. The rules of barèmes are in `figures.py`,
`paliers.py` and `versions.py`.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from crm.commerciaux import commerciaux_pb2 as pb
from db_utils import parse_uuid
from grpc_utils import changes, email_address, opaque_id, person_name, required
from grpc_utils.errors import FailedPrecondition, FormatInvalide, ReferenceInconnue

from service_commerciaux.models import Apporteur, ModeleDistribution

DIRECT = "DIRECT"

_CODE = re.compile(r"[A-Za-z0-9_-]{1,50}")
_REFERENCES = ("manager_id", "modele_distribution_id")
_OPAQUE = ("utilisateur_id", "societe_id")
_NAMES = ("nom", "prenom")
_MANDATORY = (*_NAMES, "type_apporteur")
_UPDATABLE = (*_MANDATORY, *_OPAQUE, "email", "telephone", *_REFERENCES)


class ManagerInactif(FailedPrecondition):
    """Le manager désigné est inactif."""


class Cycle(FailedPrecondition):
    """Un apporteur ne peut pas se trouver, même indirectement, sous sa propre responsabilité."""


def code_of(text: str) -> str:
    """Code in capitals, of 1 to 50 letters, digits, _ and - (R8). Raises ChampRequis, FormatInvalide."""
    if not _CODE.fullmatch(required(text, "code")):
        raise FormatInvalide("1 à 50 lettres, chiffres, _ et -", champ="code")
    return text.upper()


def new_apporteur(request: pb.CreateApporteurRequest) -> Apporteur:
    """New apporteur with the fields of *request*. Raises InvalidArgument, ReferenceInconnue."""
    for name in _NAMES:
        required(getattr(request, name), name)
    told = {field.name: value for field, value in request.ListFields() if field.name in _UPDATABLE}
    return Apporteur(organisation_id=request.organisation_id, **_stored(told))


def apporteur_changes(request: pb.UpdateApporteurRequest) -> dict[str, Any]:
    """Columns that *request* changes, checked as on a new apporteur.

    Raises InvalidArgument, ReferenceInconnue.
    """
    return _stored(changes(request, _UPDATABLE, mandatory=_MANDATORY))


def _stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* of a request as their columns hold them."""
    return {
        name: _CONVERSIONS[name](value) if value and name in _CONVERSIONS else value
        for name, value in fields.items()
    }


def _own_id(text: str, champ: str) -> UUID:
    """Id of a row of this service. Raises ReferenceInconnue for a text that cannot be one (C2)."""
    identity = parse_uuid(text)
    if identity is None:
        raise ReferenceInconnue(champ=champ)
    return identity


def new_modele(request: pb.CreateModeleDistributionRequest) -> ModeleDistribution:
    """New distribution model with the fields of *request* (R8). Raises InvalidArgument."""
    return ModeleDistribution(
        organisation_id=request.organisation_id,
        code=code_of(request.code),
        nom=required(request.nom, "nom"),
        description=request.description or None,
    )


def modele_changes(request: pb.UpdateModeleDistributionRequest) -> dict[str, Any]:
    """Columns of a distribution model that *request* changes. Raises ChampRequis."""
    return changes(request, ("nom", "description"), mandatory=("nom",))


def direct(organisation_id: str) -> ModeleDistribution:
    """Distribution model that an organisation begins with (R20)."""
    return ModeleDistribution(organisation_id=organisation_id, code=DIRECT, nom="Vente directe")


_CONVERSIONS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(_NAMES, person_name),
    "email": partial(email_address, champ="email"),
    **{name: partial(opaque_id, champ=name) for name in _OPAQUE},
    **{name: partial(_own_id, champ=name) for name in _REFERENCES},
}
