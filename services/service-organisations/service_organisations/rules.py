"""Rules of organisations, companies and partners, as pure functions.

They turn requests into rows or changes, or refuse them. The rules of the reference lists are in
`termes.py`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from crm.organisations import organisations_pb2 as pb
from db_utils import clock, uuid7
from grpc_utils import (
    changes,
    email_address,
    instant,
    opaque_id,
    required,
    siren_number,
    siret_number,
    vat_number,
    web_address,
)
from grpc_utils.errors import DateInvalide, FormatInvalide, OrganisationRequise, TransitionInterdite
from grpc_utils.web import is_loopback

from service_organisations.models import Organisation, Partenaire, Societe

_PHONE = re.compile(r"[0-9 +().-]*")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_CLOCK_DIFFERENCE = timedelta(minutes=5)

_ETATS: Mapping[str, frozenset[str]] = {
    "essai": frozenset({"actif", "inactif"}),
    "actif": frozenset({"suspendu", "inactif"}),
    "suspendu": frozenset({"actif", "inactif"}),
    "inactif": frozenset({"actif"}),
}
_STATUTS: Mapping[str, frozenset[str]] = {
    "PROSPECT": frozenset({"ACTIF", "RESILIE"}),
    "ACTIF": frozenset({"SUSPENDU", "RESILIE"}),
    "SUSPENDU": frozenset({"ACTIF", "RESILIE"}),
    "RESILIE": frozenset(),
}


def telephone(text: str, champ: str) -> str | None:
    """Phone as typed, of digits, spaces and +().- only, None when empty (R16). Raises FormatInvalide."""
    if not _PHONE.fullmatch(text):
        raise FormatInvalide(champ=champ)
    return text or None


def colour(text: str, champ: str) -> str | None:
    """Colour #rrggbb in lower case, None when empty (R9). Raises FormatInvalide."""
    if not text:
        return None
    if not _COLOUR.fullmatch(text.lower()):
        raise FormatInvalide(champ=champ)
    return text.lower()


_STORED_FORMS: Mapping[str, Callable[[str, str], object]] = {
    "siret": siret_number,
    "siren": siren_number,
    "email": email_address,
    "contact_support_email": email_address,
    "telephone": telephone,
}


def _stored(changed: Mapping[str, Any]) -> dict[str, Any]:
    """Changes with each text in the form in which it is stored. Raises FormatInvalide."""
    forms = {name: _STORED_FORMS[name] for name, value in changed.items() if value and name in _STORED_FORMS}
    return {**changed, **{name: form(changed[name], name) for name, form in forms.items()}}


def check_move(moves: Mapping[str, frozenset[str]], former: str, wanted: str) -> None:
    """Refuse a change of state outside *moves* (R5, R11). Raises TransitionInterdite.

    An unknown state passes: its column refuses it as VALEUR_INCONNUE.
    """
    if wanted != former and wanted in moves and wanted not in moves[former]:
        raise TransitionInterdite(de=former, vers=wanted)


def named_organisation(request: Any) -> str:
    """Organisation for which *request* creates something. Raises OrganisationRequise."""
    if not request.organisation_id:
        raise OrganisationRequise
    organisation_id: str = request.organisation_id
    return organisation_id


def new_organisation(request: pb.CreateOrganisationRequest) -> Organisation:
    """New organisation with the fields of *request*, under its id if it gives one (R2).

    Raises InvalidArgument.
    """
    return Organisation(
        id=opaque_id(request.id, "id") or str(uuid7()),
        nom=required(request.nom, "nom"),
        description=request.description or None,
        siret=siret_number(request.siret, "siret"),
        adresse=request.adresse or None,
        telephone=telephone(request.telephone, "telephone"),
        email=email_address(request.email, "email"),
        actif=request.actif if request.HasField("actif") else True,
    )


def provisional(request: pb.EnsureExistsRequest) -> Organisation:
    """Provisional organisation, under its id until somebody names it (R4). Raises InvalidArgument."""
    identity = opaque_id(required(request.id, "id"), "id") or ""
    return Organisation(id=identity, nom=request.nom or f"Organisation {identity}", provisoire=True)


def organisation_changes(organisation: Organisation, request: pb.UpdateOrganisationRequest) -> dict[str, Any]:
    """Columns of *organisation* that *request* changes (R4, R5).

    Raises InvalidArgument, TransitionInterdite.
    """
    fields = ("nom", "description", "siret", "adresse", "telephone", "email", "actif", "etat")
    changed = _stored(changes(request, fields, mandatory=("nom", "etat")))
    etat = changed.get("etat", organisation.etat)
    check_move(_ETATS, organisation.etat, etat)
    if "nom" in changed:
        changed["provisoire"] = False
    if etat == "inactif":
        changed["actif"] = False
    return changed


def activity_instant(request: pb.TouchActivityRequest) -> datetime:
    """Instant of the activity: that of *request*, or now (R7). Raises DateInvalide for the future."""
    if not request.HasField("instant"):
        return clock.now()
    when = instant(request.instant)
    if when > clock.now() + _CLOCK_DIFFERENCE:
        raise DateInvalide(champ="instant")
    return when


def new_societe(request: pb.CreateSocieteRequest) -> Societe:
    """New company with the fields of *request* (R3). Raises InvalidArgument."""
    siren = siren_number(required(request.siren, "siren"), "siren")
    return Societe(
        organisation_id=named_organisation(request),
        raison_sociale=required(request.raison_sociale, "raison_sociale"),
        siren=siren,
        numero_tva=vat_number(request.numero_tva, siren, "numero_tva"),
        adresse=request.adresse or None,
        email=email_address(request.email, "email"),
        telephone=telephone(request.telephone, "telephone"),
    )


def societe_changes(societe: Societe, request: pb.UpdateSocieteRequest) -> dict[str, Any]:
    """Columns of *societe* that *request* changes (R3). Raises InvalidArgument."""
    mandatory = ("raison_sociale", "siren")
    optional = ("numero_tva", "adresse", "email", "telephone")
    changed = _stored(changes(request, (*mandatory, *optional), mandatory=mandatory))
    return changed | _vat_change(societe, changed)


def _vat_change(company: Societe | Partenaire, changed: Mapping[str, Any]) -> dict[str, str | None]:
    """VAT number that *company* will have, checked against the SIREN that it will have (R3)."""
    number = changed.get("numero_tva", company.numero_tva) or ""
    return {"numero_tva": vat_number(number, changed.get("siren", company.siren), "numero_tva")}


def new_partenaire(request: pb.CreatePartenaireRequest) -> Partenaire:
    """New partner with the fields of *request* (R3, R9, R10). Raises InvalidArgument."""
    siren = siren_number(required(request.siren, "siren"), "siren")
    contact = required(request.contact_support_email, "contact_support_email")
    return Partenaire(
        organisation_id=named_organisation(request),
        denomination=required(request.denomination, "denomination"),
        siren=siren,
        numero_tva=vat_number(request.numero_tva, siren, "numero_tva"),
        contact_support_email=email_address(contact, "contact_support_email") or "",
        telephone=telephone(request.telephone, "telephone"),
        statut=request.statut or "ACTIF",
        **_theme(request.theme),
    )


def partenaire_changes(partenaire: Partenaire, request: pb.UpdatePartenaireRequest) -> dict[str, Any]:
    """Columns of *partenaire* that *request* changes (R9 to R12); a theme replaces the whole theme.

    Raises InvalidArgument, TransitionInterdite.
    """
    mandatory = ("denomination", "siren", "contact_support_email", "statut")
    changed = _stored(changes(request, (*mandatory, "numero_tva", "telephone"), mandatory=mandatory))
    check_move(_STATUTS, partenaire.statut, changed.get("statut", partenaire.statut))
    if request.HasField("theme"):
        changed |= _theme(request.theme)
    return changed | _vat_change(partenaire, changed)


def _theme(theme: pb.Theme) -> dict[str, Any]:
    """Columns of *theme* (R9). Raises FormatInvalide, TropLong."""
    return {
        "logo_url": web_address(theme.logo_url, "logo_url", plain_at=is_loopback),
        "favicon_url": web_address(theme.favicon_url, "favicon_url", plain_at=is_loopback),
        "couleur_primaire": colour(theme.couleur_primaire, "couleur_primaire"),
        "couleur_secondaire": colour(theme.couleur_secondaire, "couleur_secondaire"),
    }


def check_deletable(partenaire: Partenaire) -> None:
    """Refuse to delete a partner that is not in PROSPECT or RESILIE (R12). Raises TransitionInterdite."""
    if partenaire.statut not in ("PROSPECT", "RESILIE"):
        raise TransitionInterdite(de=partenaire.statut, vers="SUPPRIME")
