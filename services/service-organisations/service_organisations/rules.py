"""The rules of organisations, pure: requests in, rows and changes out, or a refusal."""

import ipaddress
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from crm.organisations import organisations_pb2 as pb
from db_utils import clock, uuid7
from grpc_utils import changes, email_address, instant, opaque_id, required, siren, siret, vat_number
from grpc_utils.errors import DateInvalide, FailedPrecondition, FormatInvalide, InvalidArgument, TransitionInterdite, TropLong

from service_organisations.models import Entree, Organisation, Partenaire, Societe

CONDITION_PAIEMENT = "CONDITION_PAIEMENT"

_TELEPHONE = re.compile(r"[0-9 +().-]*")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_LONGEST_URL = 2048
_FUTURE = timedelta(minutes=5)

_ETAT_MOVES = {
    "essai": {"actif", "inactif"},
    "actif": {"suspendu", "inactif"},
    "suspendu": {"actif", "inactif"},
    "inactif": {"actif"},
}
_STATUT_MOVES = {
    "PROSPECT": {"ACTIF", "RESILIE"},
    "ACTIF": {"SUSPENDU", "RESILIE"},
    "SUSPENDU": {"ACTIF", "RESILIE"},
    "RESILIE": set[str](),
}


class OrganisationSupprimee(FailedPrecondition):
    """Cette organisation a été supprimée."""


class ReferentielSysteme(FailedPrecondition):
    """Une entrée fournie par le système ne peut être supprimée."""


class DelaiInterdit(InvalidArgument):
    """Un délai n'est possible que pour une condition de paiement, de 0 à 365 jours."""


def telephone(text: str) -> str | None:
    """Free text of digits and the usual signs, None when empty (R16). Raises FormatInvalide."""
    if not _TELEPHONE.fullmatch(text):
        raise FormatInvalide(champ="telephone")
    return text or None


def colour(text: str, champ: str) -> str | None:
    """A colour #rrggbb in lower case, None when empty (R9). Raises FormatInvalide."""
    if not text:
        return None
    if not _COLOUR.fullmatch(text.lower()):
        raise FormatInvalide(champ=champ)
    return text.lower()


def image_url(text: str, champ: str) -> str | None:
    """An absolute https address, or http on this machine; None when empty (R9)."""
    if not text:
        return None
    if len(text) > _LONGEST_URL:
        raise TropLong(champ=champ)
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        raise FormatInvalide(champ=champ) from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))):
        raise FormatInvalide(champ=champ)
    return text


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def new_organisation(request: pb.CreateOrganisationRequest) -> Organisation:
    """The organisation that *request* describes; its id is taken over when given (R2)."""
    return Organisation(
        id=opaque_id(request.id, "id") or str(uuid7()),
        nom=required(request.nom, "nom"),
        description=request.description or None,
        siret=siret(request.siret, "siret"),
        adresse=request.adresse or None,
        telephone=telephone(request.telephone),
        email=email_address(request.email, "email"),
        actif=request.actif if request.HasField("actif") else True,
    )


def provisional(request: pb.EnsureExistsRequest) -> Organisation:
    """The organisation that a sign-in makes before anybody has named it (R4)."""
    identity = opaque_id(required(request.id, "id"), "id") or ""
    return Organisation(id=identity, nom=request.nom or f"Organisation {identity}", provisoire=True)


def organisation_changes(
    organisation: Organisation, request: pb.UpdateOrganisationRequest
) -> dict[str, Any]:
    """What *request* changes of *organisation* (R4, R5)."""
    fields = ("nom", "description", "siret", "adresse", "telephone", "email", "actif", "etat")
    changed = changes(request, fields, mandatory=("nom", "etat"))
    if "nom" in changed:
        changed["provisoire"] = False
    _check(changed, request)
    if "etat" in changed:
        check_move(_ETAT_MOVES, organisation.etat, changed["etat"])
    if changed.get("etat", organisation.etat) == "inactif":
        changed["actif"] = False
    return changed


def check_move(moves: Mapping[str, set[str]], former: str, wanted: str) -> None:
    """Refuse a change of state that *moves* does not allow; unknown states are left to the table."""
    if wanted != former and wanted in moves and wanted not in moves[former]:
        raise TransitionInterdite(de=former, vers=wanted)


def _check(changed: dict[str, Any], request: Any) -> None:
    """Bring the texts that several entities share into their stored form."""
    if "siret" in changed:
        changed["siret"] = siret(request.siret, "siret")
    if "siren" in changed:
        changed["siren"] = siren(request.siren, "siren")
    if "email" in changed:
        changed["email"] = email_address(request.email, "email")
    if "telephone" in changed:
        changed["telephone"] = telephone(request.telephone)


def activity_instant(request: pb.TouchActivityRequest) -> datetime:
    """The instant of an activity, not in the future (R7). Raises DateInvalide."""
    when = instant(request.instant)
    if when > clock.now() + _FUTURE:
        raise DateInvalide(champ="instant")
    return when


def new_societe(request: pb.CreateSocieteRequest) -> Societe:
    """The company that *request* describes (R3)."""
    number = siren(required(request.siren, "siren"), "siren") or ""
    return Societe(
        organisation_id=request.organisation_id,
        raison_sociale=required(request.raison_sociale, "raison_sociale"),
        siren=number,
        numero_tva=vat_number(request.numero_tva, "numero_tva", number),
        adresse=request.adresse or None,
        email=email_address(request.email, "email"),
        telephone=telephone(request.telephone),
    )


def societe_changes(societe: Societe, request: pb.UpdateSocieteRequest) -> dict[str, Any]:
    """What *request* changes of *societe*."""
    mandatory = ("raison_sociale", "siren")
    changed = changes(request, (*mandatory, "numero_tva", "adresse", "email", "telephone"), mandatory=mandatory)
    _check(changed, request)
    return changed | _vat_change(societe, changed)


def _vat_change(entity: Societe | Partenaire, changed: Mapping[str, Any]) -> dict[str, Any]:
    """The VAT number must embed the SIREN that the entity will have."""
    number = changed.get("numero_tva", entity.numero_tva) or ""
    return {"numero_tva": vat_number(number, "numero_tva", changed.get("siren", entity.siren))}


def new_partenaire(request: pb.CreatePartenaireRequest) -> Partenaire:
    """The partner that *request* describes (R9, R10)."""
    number = siren(required(request.siren, "siren"), "siren") or ""
    contact = required(request.contact_support_email, "contact_support_email")
    return Partenaire(
        organisation_id=request.organisation_id,
        denomination=required(request.denomination, "denomination"),
        siren=number,
        numero_tva=vat_number(request.numero_tva, "numero_tva", number),
        contact_support_email=email_address(contact, "contact_support_email") or "",
        telephone=telephone(request.telephone),
        statut=request.statut or "ACTIF",
        **theme_columns(request.theme),
    )


def partenaire_changes(partenaire: Partenaire, request: pb.UpdatePartenaireRequest) -> dict[str, Any]:
    """What *request* changes of *partenaire* (R11); a theme replaces the whole theme."""
    mandatory = ("denomination", "siren", "contact_support_email", "statut")
    changed = changes(request, (*mandatory, "numero_tva", "telephone"), mandatory=mandatory)
    _check(changed, request)
    if "contact_support_email" in changed:
        changed["contact_support_email"] = email_address(
            request.contact_support_email, "contact_support_email"
        )
    if "statut" in changed:
        check_move(_STATUT_MOVES, partenaire.statut, changed["statut"])
    if request.HasField("theme"):
        changed |= theme_columns(request.theme)
    return changed | _vat_change(partenaire, changed)


def theme_columns(theme: pb.Theme) -> dict[str, str | None]:
    """The columns of a theme, checked."""
    return {
        "logo_url": image_url(theme.logo_url, "logo_url"),
        "favicon_url": image_url(theme.favicon_url, "favicon_url"),
        "couleur_primaire": colour(theme.couleur_primaire, "couleur_primaire"),
        "couleur_secondaire": colour(theme.couleur_secondaire, "couleur_secondaire"),
    }


def check_deletable(partenaire: Partenaire) -> None:
    """Only a prospect or a partner that has left may be deleted (R12)."""
    if partenaire.statut not in ("PROSPECT", "RESILIE"):
        raise TransitionInterdite(de=partenaire.statut, vers="supprime")


def new_entree(request: pb.UpsertEntreeRequest) -> Entree:
    """The organisation's own entry that *request* describes (R14)."""
    terms = request.famille == CONDITION_PAIEMENT
    if not terms and (request.delai_jours or request.fin_de_mois):
        raise DelaiInterdit(champ="delai_jours")
    if not 0 <= request.delai_jours <= 365:
        raise DelaiInterdit(champ="delai_jours")
    return Entree(
        organisation_id=request.organisation_id,
        famille=required(request.famille, "famille"),
        code=required(request.code, "code"),
        nom=required(request.nom, "nom"),
        description=request.description or None,
        delai_jours=request.delai_jours if terms else None,
        fin_de_mois=request.fin_de_mois,
        ordre=request.ordre,
    )
