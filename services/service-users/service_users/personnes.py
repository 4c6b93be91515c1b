"""Persons as sources tell of them, pure: names, vouching, new accounts.

`directory.py` decides whose account a person has.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from crm.users import users_pb2 as pb
from grpc_utils import email_address, outer_text, required
from grpc_utils.errors import FormatInvalide, TropLong, ValeurInconnue
from grpc_utils.providers import AUTH0, LOCAL, PROVIDERS

from service_users import rules
from service_users.models import Utilisateur

TYPE_PAR_DEFAUT: Final = "UTILISATEUR"
SYNC: Final = "sync:"
LONGEST_NAME, LONGEST_TYPE = 100, 50
_NOBODY: Final = "User"  # first name of people who told none (R3)
_LONGEST_SUBJECT, _LONGEST_EMAIL = 255, 255
_LONG_URL = 2049  # one more than an address may have, so that a longer one is left out and not cut


@dataclass(frozen=True, slots=True)
class Personne:
    """A person as a source tells of him, under *sujet* of *fournisseur*; an empty text means not told.

    *email_verifie* is None when the source does not say whether the address is verified; *source*
    names the source, as in source_creation.
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
    """Return *text* if it names a provider. Raises ValeurInconnue."""
    if text not in PROVIDERS:
        raise ValeurInconnue(champ=champ)
    return text


def subject(text: str, champ: str) -> str:
    """Return the subject of a person at a provider, checked. Raises ChampRequis, FormatInvalide."""
    if len(required(text, champ)) > _LONGEST_SUBJECT or not text.isprintable():
        raise FormatInvalide(champ=champ)
    return text


def outer_email(text: object) -> str:
    """Return an address told by a provider in stored form; "" when there is none or it cannot exist."""
    try:
        return email_address(outer_text(text, _LONGEST_EMAIL), "email") or ""
    except (FormatInvalide, TropLong):
        return ""


def outer_url(text: object) -> str:
    """Return the https address of a picture told by a provider; "" for anything else."""
    try:
        return rules.picture_url(outer_text(text, _LONG_URL)) or ""
    except (FormatInvalide, TropLong):
        return ""


def names(prenom: str, nom: str, name: str) -> tuple[str, str]:
    """Return first and last name as told; *name* is split only when neither of them is (R3)."""
    if prenom or nom or not name:
        return prenom, nom
    first, _, rest = " ".join(name.split()).partition(" ")
    return first[:LONGEST_NAME], rest[:LONGEST_NAME]


def default_names(personne: Personne) -> tuple[str, str]:
    """Return the names of a new person, with the placeholders for one who told none (R3)."""
    if personne.prenom or personne.nom:
        return personne.prenom, personne.nom
    return _NOBODY, _local_part(personne.email)


def greeting(utilisateur: Utilisateur) -> tuple[str, str]:
    """Return first and last name for the greeting of a mail, "" for placeholders (R3)."""
    if utilisateur.prenom == _NOBODY:
        return "", ""
    return utilisateur.prenom, "" if utilisateur.nom == _local_part(utilisateur.email) else utilisateur.nom


def _local_part(email: str) -> str:
    return email.partition("@")[0][:LONGEST_NAME]


def vouched(personne: Personne, trusted: Collection[str]) -> bool:
    """Tell whether the source vouches for the address (R8): its own word, else trust in its provider."""
    if personne.email_verifie is not None:
        return personne.email_verifie
    return personne.fournisseur in trusted


def new_utilisateur(personne: Personne, applications: Collection[str], verified: bool) -> Utilisateur:
    """Build the account of *personne*, who was unknown."""
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
    """Read the person of a SyncUser. Raises InvalidArgument; names, picture and type are made to fit."""
    service = rules.short_source(request.service_name, "service_name", rules.LONGEST_SOURCE - len(SYNC))
    prenom, nom = names(
        outer_text(request.first_name, LONGEST_NAME),
        outer_text(request.last_name, LONGEST_NAME),
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
    """Return the columns that the provider's word changes; a type is taken only over the default one."""
    told = {name: getattr(personne, name) for name in ("nom", "prenom", "telephone", "photo_url")}
    if utilisateur.type_utilisateur == TYPE_PAR_DEFAUT:
        told["type_utilisateur"] = personne.type_utilisateur
    return {name: value for name, value in told.items() if value}


def requested_personne(request: pb.CreateUtilisateurRequest) -> Personne:
    """Read the person of a Create. Raises InvalidArgument."""
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
