"""Rules of clients, addresses, partner links and statuses, as pure functions.

They turn requests into rows or changes, or refuse them. The rules of names, phone numbers and
company sheets are in `names.py`, `phones.py` and `fiches.py`.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from crm.clients import clients_pb2 as pb
from db_utils import clock, parse_uuid
from grpc_utils import (
    changes,
    civil_date,
    email_address,
    opaque_id,
    optional_date,
    person_name,
    required,
)
from grpc_utils.errors import (
    DateInvalide,
    FailedPrecondition,
    FormatInvalide,
    InvalidArgument,
    ReferenceInconnue,
)

from service_clients import phones
from service_clients.models import (
    ENTREPRISE,
    PARTENAIRE,
    PARTICULIER,
    Adresse,
    ClientBase,
    ClientPartenaire,
    StatutClient,
)
from service_clients.names import name_of

PRINCIPALE, AUTRE = "PRINCIPALE", "AUTRE"
SYSTEM_STATUTS = frozenset({"PROSPECT", "ACTIF", "SUSPENDU", "INACTIF"})
MOST_ADRESSES = 20

_OLDEST_BIRTH = date(1900, 1, 1)
_CODE = re.compile(r"[A-Za-z0-9-]{1,50}")
_FRENCH_POSTCODE = re.compile(r"[0-9]{5}")
_OPAQUE = ("partenaire_id", "commercial_id", "societe_id")
_CLEARABLE = ("date_naissance", "telephone", "email", "client_entreprise_id", *_OPAQUE)
_WITH_SHEET = frozenset({ENTREPRISE, PARTENAIRE})
_UPDATABLE = ("type_client", "nom", "prenom", "compte_code", "statut", *_CLEARABLE)


class StatutInconnu(FailedPrecondition):
    """Ce statut n'existe ni dans le système ni dans l'organisation."""


class StatutSysteme(FailedPrecondition):
    """Un statut fourni par le système ne peut être ni modifié ni supprimé."""


class FicheEntrepriseInterdite(InvalidArgument):
    """Une fiche entreprise n'est possible que pour un client de type ENTREPRISE ou PARTENAIRE."""


def birth_date(text: str) -> date | None:
    """Date from 1900-01-01 to today in Paris, None when empty (R8). Raises DateInvalide."""
    if not text:
        return None
    day = civil_date(text, "date_naissance")
    if not _OLDEST_BIRTH <= day <= clock.today():
        raise DateInvalide(champ="date_naissance")
    return day


def account_code(text: str) -> str:
    """Account code that a caller has given, in capitals (R7). Raises FormatInvalide."""
    if not _CODE.fullmatch(text):
        raise FormatInvalide(champ="compte_code")
    return text.upper()


def new_client(request: pb.CreateClientBaseRequest, code: str) -> ClientBase:
    """New client with the fields of *request* and the account code *code* (R1).

    Raises InvalidArgument, ReferenceInconnue.
    """
    type_client = request.type_client or PARTICULIER
    nom = name_of(required(request.nom, "nom"), type_client)
    if request.client_entreprise_id and type_client not in _WITH_SHEET:
        raise FicheEntrepriseInterdite(champ="client_entreprise_id")
    return ClientBase(
        organisation_id=request.organisation_id,
        type_client=type_client,
        nom=nom,
        prenom=person_name(request.prenom),
        date_naissance=birth_date(request.date_naissance),
        compte_code=code,
        client_entreprise_id=_entreprise_id(request.client_entreprise_id),
        email=email_address(request.email, "email"),
        statut=request.statut or "ACTIF",
        partenaire_id=opaque_id(request.partenaire_id, "partenaire_id"),
        commercial_id=opaque_id(request.commercial_id, "commercial_id"),
        societe_id=opaque_id(request.societe_id, "societe_id"),
        **phones.columns(request.telephone),
    )


def client_changes(client: ClientBase, request: pb.UpdateClientBaseRequest) -> dict[str, Any]:
    """Columns of *client* that *request* changes, checked as on a new client.

    Raises InvalidArgument, ReferenceInconnue.
    """
    changed = changes(request, _UPDATABLE, mandatory=("type_client", "nom", "compte_code", "statut"))
    type_client = changed.get("type_client", client.type_client)
    if "nom" in changed or type_client != client.type_client:
        changed["nom"] = name_of(changed.get("nom", client.nom), type_client)
    if "prenom" in changed:
        changed["prenom"] = person_name(request.prenom)
    if "date_naissance" in changed:
        changed["date_naissance"] = birth_date(request.date_naissance)
    if "compte_code" in changed:
        changed["compte_code"] = account_code(request.compte_code)
    if "telephone" in changed:
        changed |= phones.columns(request.telephone)
    if "email" in changed:
        changed["email"] = email_address(request.email, "email")
    changed |= {name: opaque_id(changed[name] or "", name) for name in _OPAQUE if name in changed}
    return changed | _entreprise_change(client, type_client, changed)


def _entreprise_change(client: ClientBase, type_client: str, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Change of the company sheet: a client that becomes a person loses its sheet (R10)."""
    if type_client in _WITH_SHEET:
        if "client_entreprise_id" in changed:
            return {"client_entreprise_id": _entreprise_id(changed["client_entreprise_id"] or "")}
        return {}
    if changed.get("client_entreprise_id"):
        raise FicheEntrepriseInterdite(champ="client_entreprise_id")
    return {"client_entreprise_id": None} if client.client_entreprise_id is not None else {}


def _entreprise_id(text: str) -> Any:
    if not text:
        return None
    identity = parse_uuid(text)
    if identity is None:
        raise ReferenceInconnue(champ="client_entreprise_id")
    return identity


def new_adresse(client: ClientBase, request: pb.CreateAdresseRequest) -> Adresse:
    """New address of *client* with the fields of *request* (R14). Raises InvalidArgument."""
    adresse = Adresse(
        organisation_id=client.organisation_id,
        client_base_id=client.id,
        ligne1=required(request.ligne1, "ligne1"),
        ligne2=request.ligne2 or None,
        code_postal=required(request.code_postal, "code_postal"),
        ville=required(request.ville, "ville"),
        pays=request.pays or "France",
        type=request.type or PRINCIPALE,
    )
    check_postcode(adresse.code_postal, adresse.pays)
    return adresse


def adresse_changes(adresse: Adresse, request: pb.UpdateAdresseRequest) -> dict[str, Any]:
    """Columns of *adresse* that *request* changes (R14). Raises InvalidArgument."""
    mandatory = ("ligne1", "code_postal", "ville", "pays", "type")
    changed = changes(request, (*mandatory, "ligne2"), mandatory=mandatory)
    check_postcode(changed.get("code_postal", adresse.code_postal), changed.get("pays", adresse.pays))
    return changed


def check_postcode(code: str, pays: str) -> None:
    """Refuse a postcode in France that is not five digits (R14). Raises FormatInvalide."""
    if pays.casefold() == "france" and not _FRENCH_POSTCODE.fullmatch(code):
        raise FormatInvalide(champ="code_postal")


def new_partenaire(client: ClientBase, request: pb.CreateClientPartenaireRequest) -> ClientPartenaire:
    """New partner link of *client* with the fields of *request* (R16). Raises InvalidArgument."""
    valid_from = optional_date(request.valid_from, "valid_from") or clock.today()
    valid_to = optional_date(request.valid_to, "valid_to")
    if valid_to is not None and valid_to < valid_from:
        raise DateInvalide(champ="valid_to")
    partenaire_id = opaque_id(required(request.partenaire_id, "partenaire_id"), "partenaire_id")
    return ClientPartenaire(
        organisation_id=client.organisation_id,
        client_base_id=client.id,
        partenaire_id=partenaire_id or "",
        role=request.role or "APPORTEUR",
        valid_from=valid_from,
        valid_to=valid_to,
    )


def new_statut(request: pb.CreateStatutClientRequest) -> StatutClient:
    """New status of the organisation with the fields of *request* (R17). Raises ChampRequis."""
    return StatutClient(
        organisation_id=request.organisation_id,
        code=required(request.code, "code"),
        nom=required(request.nom, "nom"),
        description=request.description or None,
        ordre_affichage=request.ordre_affichage,
    )


def check_own(statut: StatutClient) -> None:
    """Refuse to change or delete a status that the system supplies (R17). Raises StatutSysteme."""
    if statut.organisation_id is None:
        raise StatutSysteme
