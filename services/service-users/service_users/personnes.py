"""What a source says of somebody, pure: names, who vouches for an address, a new account.

Whose account that is, `annuaire.py` decides.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from crm.users import users_pb2 as pb
from grpc_utils import clean_text, email_address, required
from grpc_utils.errors import FormatInvalide, TropLong, ValeurInconnue
from grpc_utils.providers import AUTH0, LOCAL, PROVIDERS

from service_users import rules
from service_users.models import Utilisateur

TYPE_PAR_DEFAUT: Final = "UTILISATEUR"
SYNC: Final = "sync:"
LONGEST_NAME, LONGEST_TYPE = 100, 50
_NOBODY: Final = "User"  # the first name of who is not named
_LONGEST_SUBJECT, _LONGEST_EMAIL = 255, 255


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
    if text not in PROVIDERS:
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


def outer_email(text: object) -> str:
    """An address as a provider tells it, in stored form; empty when there is none or it cannot exist."""
    try:
        return email_address(outer_text(text, _LONGEST_EMAIL), "email") or ""
    except (FormatInvalide, TropLong):
        return ""


def outer_url(text: object) -> str:
    """The address of a picture as a provider tells it; empty when it is not one of https."""
    try:
        return rules.picture_url(outer_text(text, rules.LONGEST_URL + 1)) or ""
    except FormatInvalide:
        return ""


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
    return _NOBODY, _local_part(personne.email)


def greeting(utilisateur: Utilisateur) -> tuple[str, str]:
    """First and last name as mails may use them: never those of somebody who was not named (R3)."""
    if utilisateur.prenom == _NOBODY:
        return "", ""
    return utilisateur.prenom, "" if utilisateur.nom == _local_part(utilisateur.email) else utilisateur.nom


def _local_part(email: str) -> str:
    return email.partition("@")[0][:LONGEST_NAME]


def vouched(personne: Personne, trusted: Collection[str]) -> bool:
    """Whether the source vouches that the address is the person's (R8); its own "no" counts most."""
    if personne.email_verifie is not None:
        return personne.email_verifie
    return personne.fournisseur in trusted


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
    service = rules.short_source(request.service_name, "service_name", rules.LONGEST_SOURCE - len(SYNC))
    prenom, nom = names(
        outer_text(request.first_name),
        outer_text(request.last_name),
        outer_text(request.name, 2 * LONGEST_NAME),
    )
    return Personne(
        fournisseur=known_provider(request.fournisseur or AUTH0),
        sujet=subject(request.auth0_id, "auth0_id"),
        source=SYNC + service,
        email=rules.mandatory_email(request.email),
        email_verifie=request.email_verifie if request.HasField("email_verifie") else None,
        nom=nom,
        prenom=prenom,
        photo_url=outer_url(request.picture),
        type_utilisateur=outer_text(request.user_type, LONGEST_TYPE),
    )


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
        email=rules.mandatory_email(request.email),
        email_verifie=request.email_verifie if request.HasField("email_verifie") else None,
        nom=request.nom,
        prenom=request.prenom,
        telephone=request.telephone,
        photo_url=rules.picture_url(request.photo_url) or "",
        type_utilisateur=request.type_utilisateur,
    )
