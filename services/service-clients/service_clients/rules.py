"""The rules of clients, pure: requests in, rows and changes out, or a refusal."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

import phonenumbers
from crm.clients import clients_pb2 as pb
from db_utils import clock, parse_uuid
from grpc_utils import (
    changes,
    civil_date,
    email_address,
    opaque_id,
    required,
    siren_number,
    vat_number,
)
from grpc_utils.errors import (
    DateInvalide,
    FailedPrecondition,
    FormatInvalide,
    InvalidArgument,
    ReferenceInconnue,
)

from service_clients.models import Adresse, ClientBase, ClientEntreprise, ClientPartenaire, StatutClient

ENTREPRISE, PRINCIPALE, AUTRE = "ENTREPRISE", "PRINCIPALE", "AUTRE"
SYSTEM_STATUTS = frozenset({"PROSPECT", "ACTIF", "SUSPENDU", "INACTIF"})
MOST_ADRESSES = 20

_OLDEST_BIRTH = date(1900, 1, 1)
_CODE = re.compile(r"[A-Za-z0-9-]{1,50}")
_LONGEST_E164 = len("+") + 15  # ITU-T E.164 section 6.1
_FRENCH_POSTCODE = re.compile(r"[0-9]{5}")
_NAME_PART = re.compile(r"[^\s\-'’]+")
_OPAQUE = ("partenaire_id", "commercial_id", "societe_id")
_CLEARABLE = ("date_naissance", "telephone", "email", "client_entreprise_id", *_OPAQUE)
_UPDATABLE = ("type_client", "nom", "prenom", "compte_code", "statut", *_CLEARABLE)


class StatutInconnu(FailedPrecondition):
    """Ce statut n'existe ni dans le système ni dans l'organisation."""


class StatutSysteme(FailedPrecondition):
    """Un statut fourni par le système ne peut être ni modifié ni supprimé."""


class FicheEntrepriseInterdite(InvalidArgument):
    """Une fiche entreprise n'est possible que pour un client de type ENTREPRISE."""


def collapsed(text: str) -> str:
    """*text* without spaces around it and with single ones inside."""
    return " ".join(text.split())


def person_name(text: str) -> str:
    """*text* in NFC with a capital at the start of each part, lower case after (R2)."""
    name = _NAME_PART.sub(lambda part: part[0].capitalize(), collapsed(text))
    return unicodedata.normalize("NFC", name)


def name_of(text: str, type_client: str) -> str:
    """The stored form of nom: a company keeps its own spelling (R2)."""
    return collapsed(text) if type_client == ENTREPRISE else person_name(text)


def phone_e164(text: str) -> str | None:
    """The E.164 form of a number as typed, None when empty (R5). Raises FormatInvalide."""
    if not text:
        return None
    try:
        number = phonenumbers.parse(text, "FR")
    except phonenumbers.NumberParseException:
        raise FormatInvalide(champ="telephone") from None
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not phonenumbers.is_possible_number(number) or len(e164) > _LONGEST_E164:
        raise FormatInvalide(champ="telephone")
    return e164


def whole_number(text: str) -> str | None:
    """The E.164 form of a number that is searched, None when it is no whole number (C8)."""
    try:
        return phone_e164(text)
    except FormatInvalide:
        return None


def birth_date(text: str) -> date | None:
    """A day between 1900 and today (R8). Raises DateInvalide."""
    if not text:
        return None
    day = civil_date(text, "date_naissance")
    if not _OLDEST_BIRTH <= day <= clock.today():
        raise DateInvalide(champ="date_naissance")
    return day


def account_code(text: str) -> str:
    """A code given by the caller, in capitals (R7). Raises FormatInvalide."""
    if not _CODE.fullmatch(text):
        raise FormatInvalide(champ="compte_code")
    return text.upper()


def new_client(request: pb.CreateClientBaseRequest, code: str) -> ClientBase:
    """The client that *request* describes, under account code *code* (R1)."""
    type_client = request.type_client or "PARTICULIER"
    nom = name_of(required(request.nom, "nom"), type_client)
    if request.client_entreprise_id and type_client != ENTREPRISE:
        raise FicheEntrepriseInterdite(champ="client_entreprise_id")
    return ClientBase(
        organisation_id=request.organisation_id,
        type_client=type_client,
        nom=nom,
        prenom=person_name(request.prenom),
        date_naissance=birth_date(request.date_naissance),
        compte_code=code,
        client_entreprise_id=_entreprise_id(request.client_entreprise_id),
        telephone=request.telephone or None,
        telephone_e164=phone_e164(request.telephone),
        email=email_address(request.email, "email"),
        statut=request.statut or "ACTIF",
        partenaire_id=opaque_id(request.partenaire_id, "partenaire_id"),
        commercial_id=opaque_id(request.commercial_id, "commercial_id"),
        societe_id=opaque_id(request.societe_id, "societe_id"),
    )


def client_changes(client: ClientBase, request: pb.UpdateClientBaseRequest) -> dict[str, Any]:
    """What *request* changes of *client*, under the rules of a creation."""
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
        changed["telephone_e164"] = phone_e164(request.telephone)
    if "email" in changed:
        changed["email"] = email_address(request.email, "email")
    changed |= {name: opaque_id(changed[name] or "", name) for name in _OPAQUE if name in changed}
    return changed | _entreprise_change(client, type_client, changed)


def _entreprise_change(client: ClientBase, type_client: str, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The company sheet goes with the type ENTREPRISE and leaves with it (R10)."""
    if type_client == ENTREPRISE:
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
    """The address that *request* adds to *client*."""
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
    """What *request* changes of *adresse*."""
    mandatory = ("ligne1", "code_postal", "ville", "pays", "type")
    changed = changes(request, (*mandatory, "ligne2"), mandatory=mandatory)
    check_postcode(changed.get("code_postal", adresse.code_postal), changed.get("pays", adresse.pays))
    return changed


def check_postcode(code: str, pays: str) -> None:
    """French postcodes have five digits (R14). Raises FormatInvalide."""
    if pays.casefold() == "france" and not _FRENCH_POSTCODE.fullmatch(code):
        raise FormatInvalide(champ="code_postal")


def new_entreprise(request: pb.CreateClientEntrepriseRequest) -> ClientEntreprise:
    """The company sheet that *request* describes."""
    number = siren_number(required(request.siren, "siren"), "siren")
    return ClientEntreprise(
        organisation_id=request.organisation_id,
        raison_sociale=collapsed(required(request.raison_sociale, "raison_sociale")),
        siren=number,
        numero_tva=vat_number(request.numero_tva, number, "numero_tva"),
    )


def entreprise_changes(
    entreprise: ClientEntreprise, request: pb.UpdateClientEntrepriseRequest
) -> dict[str, Any]:
    """What *request* changes of *entreprise*."""
    mandatory = ("raison_sociale", "siren")
    changed = changes(request, (*mandatory, "numero_tva"), mandatory=mandatory)
    if "raison_sociale" in changed:
        changed["raison_sociale"] = collapsed(changed["raison_sociale"])
    if "siren" in changed:
        changed["siren"] = siren_number(changed["siren"], "siren")
    number = changed.get("siren", entreprise.siren)
    numero_tva = changed.get("numero_tva", entreprise.numero_tva) or ""
    changed["numero_tva"] = vat_number(numero_tva, number, "numero_tva")
    return changed


def new_partenaire(client: ClientBase, request: pb.CreateClientPartenaireRequest) -> ClientPartenaire:
    """The partner link that *request* adds to *client* (R16)."""
    valid_from = civil_date(request.valid_from, "valid_from") if request.valid_from else clock.today()
    valid_to = civil_date(request.valid_to, "valid_to") if request.valid_to else None
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
    """The organisation's own status that *request* describes."""
    return StatutClient(
        organisation_id=request.organisation_id,
        code=required(request.code, "code"),
        nom=required(request.nom, "nom"),
        description=request.description or None,
        ordre_affichage=request.ordre_affichage,
    )


def check_own(statut: StatutClient) -> None:
    """Refuse to touch what the system supplies (R17)."""
    if statut.organisation_id is None:
        raise StatutSysteme
