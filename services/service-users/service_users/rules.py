"""The rules of people, pure: names, passwords, who vouches for what. Webhooks have their own."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from crm.users import users_pb2 as pb
from grpc_utils import changes, clean_text, email_address, required
from grpc_utils.errors import (
    AlreadyExists,
    FailedPrecondition,
    FormatInvalide,
    InvalidArgument,
    PermissionDenied,
    ValeurInconnue,
)

from service_users.models import ACTIF, FOURNISSEURS, INVITE, LOCAL, RETIRE, SUSPENDU, Utilisateur

INSTITUTION: Final = "FINANCIAL_INSTITUTION"
TYPE_PAR_DEFAUT: Final = "UTILISATEUR"
LONGEST_NAME = 100
_LONGEST_SUBJECT = 255
_SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 72  # bytes; bcrypt takes no more than 72
_LONGEST_URL = 2048
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

    @property
    def profile(self) -> dict[str, str]:
        """What it says of names, phone and picture, by column."""
        told = {name: getattr(self, name) for name in ("nom", "prenom", "telephone", "photo_url")}
        return {name: value for name, value in told.items() if value}


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


def may_become(former: str, etat: str) -> bool:
    """Whether a membership in state *former* may enter *etat* (R16)."""
    return former == etat or etat in _TRANSITIONS[former]


def signs_in(utilisateur: Utilisateur | None) -> bool:
    """Whether *utilisateur* may sign in: neither deleted nor inactive (R15)."""
    return utilisateur is not None and utilisateur.actif
