"""Pure rules of passwords, changes of accounts, memberships and invitations.

Names and vouching are in `personnes.py`, the reading of webhooks is in `notifications.py`.
"""

import re
from typing import Any, Final

from crm.users import users_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from grpc_utils import at_most, changes, email_address, required, web_address
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
    EXPIRED,
    INVITE,
    PENDING,
    RETIRE,
    SUSPENDU,
    Invitation,
    Membre,
    Utilisateur,
)

INSTITUTION: Final = "FINANCIAL_INSTITUTION"
LONGEST_SOURCE = 40
_SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 72  # bytes (R6); bcrypt refuses more than 72
_LARGEST_METADATA = 4096  # bytes (R14)
_USUAL_INVITATION, _LONGEST_INVITATION = 7, 30  # days (R18)
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


class InvitationExpiree(FailedPrecondition):
    """L'invitation a expiré."""


class InvitationDejaUtilisee(FailedPrecondition):
    """L'invitation a déjà servi ou a été annulée."""


class EmailDifferent(FailedPrecondition):
    """L'adresse vérifiée du compte n'est pas celle qui a été invitée."""


class AutreUtilisateur(PermissionDenied):
    """Un utilisateur ne modifie que son propre compte."""


class ReserveAuxServices(PermissionDenied):
    """Ce champ est réservé aux services de la plateforme."""


class MembreInactif(PermissionDenied):
    """Il faut être membre actif de l'organisation."""


class PropreAdhesion(PermissionDenied):
    """Nul ne change sa propre adhésion, sinon pour quitter l'organisation."""


class UtilisateurRequis(InvalidArgument):
    """Cette méthode demande le jeton d'un utilisateur."""


def picture_url(text: str) -> str | None:
    """Return an absolute https address of a picture, None when empty. Raises FormatInvalide, TropLong."""
    return web_address(text, "photo_url")


def mandatory_email(text: str, champ: str = "email") -> str:
    """Return an address in stored form. Raises ChampRequis, FormatInvalide, TropLong."""
    return email_address(required(text, champ), champ) or ""


def kept_metadata(metadata: Struct) -> dict[str, str | bool]:
    """Return the keys of *metadata* that go with the event (R14). Raises TropLong beyond 4 KiB."""
    if metadata.ByteSize() > _LARGEST_METADATA:
        raise TropLong(champ="metadata")
    kept = {key: metadata[key] for key in _METADATA if key in metadata}
    return {key: value for key, value in kept.items() if isinstance(value, (str, bool))}


def profile_changes(request: pb.SyncProfileRequest) -> dict[str, Any]:
    """Return the columns that SyncProfile changes; empty texts change nothing. Raises FormatInvalide."""
    told = {
        "prenom": request.first_name,
        "nom": request.last_name,
        "photo_url": picture_url(request.picture) or "",
    }
    return {name: value for name, value in told.items() if value}


def short_source(text: str, champ: str, longest: int = LONGEST_SOURCE) -> str:
    """Check the name of a source, of *longest* characters at most. Raises ChampRequis, TropLong."""
    at_most(required(text, champ), longest, champ)
    return text


def active(utilisateur: Utilisateur) -> Utilisateur:
    """Return *utilisateur* if he may sign in. Raises CompteDesactive (R15)."""
    if not utilisateur.actif:
        raise CompteDesactive
    return utilisateur


def utilisateur_changes(request: pb.UpdateUtilisateurRequest, *, internal: bool) -> dict[str, Any]:
    """Return the columns that *request* changes (R4). Raises ReserveAuxServices, InvalidArgument."""
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
    return changed


def check_password(password: str, email: str) -> str:
    """Return *password* if it may be stored for *email* (R6). Raises ChampRequis, MotDePasseInvalide."""
    length = len(required(password, "mot_de_passe").encode())
    if not _SHORTEST_PASSWORD <= length <= LONGEST_PASSWORD or _CONTROL.search(password):
        raise MotDePasseInvalide(champ="mot_de_passe")
    if password.casefold() == email.casefold():
        raise MotDePasseInvalide(champ="mot_de_passe")
    return password


def invitation_days(days: int) -> int:
    """Return for how many days an invitation lasts, 7 for 0 (R18). Raises FormatInvalide."""
    if not 0 <= days <= _LONGEST_INVITATION:
        raise FormatInvalide(champ="expire_jours")
    return days or _USUAL_INVITATION


def check_pending(invitation: Invitation) -> None:
    """Refuse an *invitation* that is not pending (R19). Raises InvitationExpiree, InvitationDejaUtilisee."""
    if invitation.etat == EXPIRED:
        raise InvitationExpiree
    if invitation.etat != PENDING:
        raise InvitationDejaUtilisee


def check_invitee(invitation: Invitation, utilisateur: Utilisateur) -> None:
    """Refuse an account that does not have the invited address, proved (R19). Raises EmailDifferent."""
    if not utilisateur.email_verifie or utilisateur.email != invitation.email_invite:
        raise EmailDifferent


def initial_etat(etat: str) -> str:
    """Return *etat* if a membership may begin in it: invite or actif (R16). Raises ValeurInconnue."""
    if etat not in (INVITE, ACTIF):
        raise ValeurInconnue(champ="etat")
    return etat


def membre_changes(membre: Membre, request: pb.UpdateMembreRequest) -> dict[str, Any]:
    """Return the columns that *request* changes (R16). Raises TransitionInterdite, InvalidArgument."""
    changed = changes(request, ("role", "etat"), mandatory=("role", "etat"))
    etat = changed.get("etat", membre.etat)
    if etat not in _TRANSITIONS:
        raise ValeurInconnue(champ="etat")
    if etat != membre.etat and etat not in _TRANSITIONS[membre.etat]:
        raise TransitionInterdite(de=membre.etat, vers=etat)
    return changed


def check_own_membre(membre: Membre, changed: dict[str, Any]) -> None:
    """Refuse any change of one's own active *membre* except leaving (R27). Raises PropreAdhesion."""
    told = {name: value for name, value in changed.items() if getattr(membre, name) != value}
    if told and told != {"etat": RETIRE}:
        raise PropreAdhesion
