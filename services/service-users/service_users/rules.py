"""The rules of people, pure: names, passwords, who vouches for what. Webhooks have their own."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from crm.users import users_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from grpc_utils import changes, clean_text, email_address, required
from grpc_utils.errors import (
    AlreadyExists,
    FailedPrecondition,
    FormatInvalide,
    InvalidArgument,
    PermissionDenied,
    TransitionInterdite,
    TropLong,
    ValeurInconnue,
)

from service_users.models import (
    ACTIF,
    AUTH0,
    FOURNISSEURS,
    INVITE,
    LOCAL,
    RETIRE,
    SUSPENDU,
    Membre,
    Utilisateur,
)

INSTITUTION: Final = "FINANCIAL_INSTITUTION"
TYPE_PAR_DEFAUT: Final = "UTILISATEUR"
SYNC: Final = "sync:"
LONGEST_NAME, LONGEST_TYPE, LONGEST_SOURCE = 100, 50, 40
_LONGEST_SUBJECT = 255
_SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 72  # bytes; bcrypt takes no more than 72
_LONGEST_URL = 2048
_LARGEST_METADATA = 4096  # bytes (R14)
_METADATA: Final = ("source", "firstLoginFrom", "existingUser")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TRANSITIONS: Final = {
    INVITE: {ACTIF, RETIRE},
    ACTIF: {SUSPENDU, RETIRE},
    SUSPENDU: {ACTIF, RETIRE},
    RETIRE: {ACTIF},
}
_UPDATABLE = ("nom", "prenom", "telephone", "photo_url", "email", "actif")


class IdentifiantsInvalides(InvalidArgument):
    """Identifiants invalides."""


class MotDePasseInvalide(InvalidArgument):
    """Le mot de passe compte de 10 à 72 octets, sans caractère de contrôle, et n'est pas l'adresse."""


class ConflitIdentite(AlreadyExists):
    """Cette adresse appartient à un autre compte."""


class CompteDesactive(FailedPrecondition):
    """Le compte est désactivé."""


class AutreUtilisateur(PermissionDenied):
    """Un utilisateur ne modifie que son propre compte."""


class ReserveAuxServices(PermissionDenied):
    """Ce champ est réservé aux services de la plateforme."""


class UtilisateurRequis(InvalidArgument):
    """Cette méthode demande le jeton d'un utilisateur."""


@dataclass(frozen=True, slots=True)
class Personne:
    """What a source says of somebody under *sujet* of *fournisseur*; empty texts say nothing.

    *email_verifie* is None when the source does not say whether the address is verified;
    *source* is where we heard it (source_creation).
    """

    fournisseur: str
    sujet: str
    source: str
    email: str = ""
    email_verifie: bool | None = None
    nom: str = ""
    prenom: str = ""
    telephone: str = ""
    photo_url: str = ""
    type_utilisateur: str = ""


def known_provider(text: str, champ: str = "fournisseur") -> str:
    """*text*, the name of a provider. Raises ValeurInconnue."""
    if text not in FOURNISSEURS:
        raise ValeurInconnue(champ=champ)
    return text


def subject(text: str, champ: str) -> str:
    """The subject of a person at a provider. Raises ChampRequis, FormatInvalide."""
    if len(required(text, champ)) > _LONGEST_SUBJECT or not text.isprintable():
        raise FormatInvalide(champ=champ)
    return text


def outer_text(text: object, longest: int = LONGEST_NAME) -> str:
    """A text as a provider tells it, in stored form; what cannot be kept is cut off or left out."""
    if not isinstance(text, str):
        return ""
    try:
        return clean_text(text, "")[:longest].rstrip()
    except FormatInvalide:
        return ""


def outer_url(text: object) -> str:
    """The address of a picture as a provider tells it; empty when it is not one of https."""
    try:
        return picture_url(outer_text(text, _LONGEST_URL + 1)) or ""
    except FormatInvalide:
        return ""


def picture_url(text: str) -> str | None:
    """An absolute https address, None when empty. Raises FormatInvalide."""
    if not text:
        return None
    try:
        parts = urlsplit(text)
        sound = parts.scheme == "https" and bool(parts.hostname) and not parts.username
    except ValueError:
        sound = False
    if not sound or len(text) > _LONGEST_URL or not text.isprintable() or " " in text:
        raise FormatInvalide(champ="photo_url")
    return text


def names(prenom: str, nom: str, name: str) -> tuple[str, str]:
    """First and last name as far as they are told: *name* stands in for both (R3)."""
    if prenom or nom or not name:
        return prenom, nom
    first, _, rest = " ".join(name.split()).partition(" ")
    return first[:LONGEST_NAME], rest[:LONGEST_NAME]


def default_names(personne: Personne) -> tuple[str, str]:
    """The names of a new person; of one who is not named at all, from the address (R3)."""
    if personne.prenom or personne.nom:
        return personne.prenom, personne.nom
    return "User", personne.email.partition("@")[0][:LONGEST_NAME]


def vouched(personne: Personne, trusted: Collection[str]) -> bool:
    """Whether the source vouches that the address is the person's (R8); its own "no" counts most."""
    if personne.email_verifie is not None:
        return personne.email_verifie
    return personne.fournisseur in trusted


def mandatory_email(text: str) -> str:
    """An address in stored form. Raises ChampRequis, FormatInvalide, TropLong."""
    return email_address(required(text, "email"), "email") or ""


def new_utilisateur(personne: Personne, applications: Collection[str], verified: bool) -> Utilisateur:
    """The account of *personne*, who was unknown."""
    prenom, nom = default_names(personne)
    return Utilisateur(
        nom=nom,
        prenom=prenom,
        email=personne.email,
        email_verifie=verified,
        telephone=personne.telephone or None,
        photo_url=personne.photo_url or None,
        type_utilisateur=personne.type_utilisateur or TYPE_PAR_DEFAUT,
        applications=list(applications),
        source_creation=personne.source,
    )


def seen_personne(request: pb.SyncUserRequest) -> Personne:
    """Whom a service has seen. Raises InvalidArgument; texts that are only shown are made to fit."""
    service = short_source(request.service_name, "service_name", LONGEST_SOURCE - len(SYNC))
    prenom, nom = names(
        outer_text(request.first_name),
        outer_text(request.last_name),
        outer_text(request.name, 2 * LONGEST_NAME),
    )
    return Personne(
        fournisseur=known_provider(request.fournisseur or AUTH0),
        sujet=subject(request.auth0_id, "auth0_id"),
        source=SYNC + service,
        email=mandatory_email(request.email),
        email_verifie=request.email_verifie if request.HasField("email_verifie") else None,
        nom=nom,
        prenom=prenom,
        photo_url=outer_url(request.picture),
        type_utilisateur=outer_text(request.user_type, LONGEST_TYPE),
    )


def kept_metadata(metadata: Struct) -> dict[str, str | bool]:
    """The keys of *metadata* that go with the event (R14). Raises TropLong beyond 4 KiB."""
    if metadata.ByteSize() > _LARGEST_METADATA:
        raise TropLong(champ="metadata")
    kept = {key: metadata[key] for key in _METADATA if key in metadata}
    return {key: value for key, value in kept.items() if isinstance(value, (str, bool))}


def profile_changes(request: pb.SyncProfileRequest) -> dict[str, Any]:
    """What people say of themselves, by column; empty texts say nothing. Raises FormatInvalide."""
    told = {
        "prenom": request.first_name,
        "nom": request.last_name,
        "photo_url": picture_url(request.picture) or "",
    }
    return {name: value for name, value in told.items() if value}


def short_source(text: str, champ: str, longest: int = LONGEST_SOURCE) -> str:
    """The name of what reports somebody. Raises ChampRequis, TropLong."""
    if len(required(text, champ)) > longest:
        raise TropLong(champ=champ)
    return text


def active(utilisateur: Utilisateur) -> Utilisateur:
    """*utilisateur*, who may sign in. Raises CompteDesactive (R15)."""
    if not utilisateur.actif:
        raise CompteDesactive
    return utilisateur


def told_anew(utilisateur: Utilisateur, personne: Personne) -> dict[str, Any]:
    """What the provider of *utilisateur* tells now, by column; only a type still unknown is taken."""
    told = {name: getattr(personne, name) for name in ("nom", "prenom", "telephone", "photo_url")}
    if utilisateur.type_utilisateur == TYPE_PAR_DEFAUT:
        told["type_utilisateur"] = personne.type_utilisateur
    return {name: value for name, value in told.items() if value}


def requested_personne(request: pb.CreateUtilisateurRequest) -> Personne:
    """Whom a Create describes. Raises InvalidArgument."""
    provider = known_provider(request.fournisseur or LOCAL)
    if bool(request.fournisseur) != bool(request.sujet) or request.fournisseur == LOCAL:
        raise FormatInvalide(champ="sujet" if request.fournisseur else "fournisseur")
    return Personne(
        fournisseur=provider,
        sujet=subject(request.sujet, "sujet") if request.sujet else "",
        source=request.source or provider,
        email=mandatory_email(request.email),
        email_verifie=request.email_verifie if request.HasField("email_verifie") else None,
        nom=request.nom,
        prenom=request.prenom,
        telephone=request.telephone,
        photo_url=picture_url(request.photo_url) or "",
        type_utilisateur=request.type_utilisateur,
    )


def utilisateur_changes(
    utilisateur: Utilisateur, request: pb.UpdateUtilisateurRequest, *, internal: bool
) -> dict[str, Any]:
    """What *request* changes of *utilisateur* (R4). Raises ReserveAuxServices, InvalidArgument."""
    changed = changes(request, _UPDATABLE, mandatory=("email",))
    if "actif" in changed:
        if not internal:
            raise ReserveAuxServices(champ="actif")
        changed["suspendu_par_fournisseur"] = False
    changed |= {name: changed[name] or "" for name in ("nom", "prenom") if name in changed}
    if "photo_url" in changed:
        changed["photo_url"] = picture_url(request.photo_url)
    if "email" in changed:
        changed["email"] = email_address(request.email, "email")
        if changed["email"] != utilisateur.email:
            changed["email_verifie"] = False
    return changed


def check_password(password: str, email: str) -> str:
    """*password*, fit to be stored for *email* (R6). Raises ChampRequis, MotDePasseInvalide."""
    length = len(required(password, "mot_de_passe").encode())
    if not _SHORTEST_PASSWORD <= length <= LONGEST_PASSWORD or _CONTROL.search(password):
        raise MotDePasseInvalide(champ="mot_de_passe")
    if password.casefold() == email.casefold():
        raise MotDePasseInvalide(champ="mot_de_passe")
    return password


def initial_etat(etat: str) -> str:
    """The state in which a membership may begin. Raises ValeurInconnue."""
    if etat not in (INVITE, ACTIF):
        raise ValeurInconnue(champ="etat")
    return etat


def membre_changes(membre: Membre, request: pb.UpdateMembreRequest) -> dict[str, Any]:
    """What *request* changes of *membre* (R16). Raises TransitionInterdite, InvalidArgument."""
    changed = changes(request, ("role", "etat"), mandatory=("role", "etat"))
    etat = changed.get("etat", membre.etat)
    if etat not in _TRANSITIONS:
        raise ValeurInconnue(champ="etat")
    if etat != membre.etat and etat not in _TRANSITIONS[membre.etat]:
        raise TransitionInterdite(de=membre.etat, vers=etat)
    return changed
