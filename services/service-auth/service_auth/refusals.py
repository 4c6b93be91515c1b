"""Refusals of the auth service; the docstring of each is the sentence that callers read."""

from grpc_utils.errors import (
    FailedPrecondition,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)


class IdentifiantsInvalides(Unauthenticated):
    """Identifiants invalides"""  # noqa: D400, D415  # the exact words of R3


class MembreInactif(PermissionDenied):
    """Vous n'êtes pas un membre actif de cette organisation."""


class CompteVerrouille(ResourceExhausted):
    """Trop de mots de passe erronés : réessayez plus tard."""


class MotDePasseInvalide(InvalidArgument):
    """Un mot de passe a 10 à 72 octets, aucun caractère de contrôle, et n'est pas l'adresse e-mail."""


class JetonNonRenouvelable(Unauthenticated):
    """Cette opération demande un jeton délivré à un utilisateur par ce service."""


class SessionTropAncienne(FailedPrecondition):
    """La session est trop ancienne ; reconnectez-vous."""


class ConnexionTropAncienne(Unauthenticated):
    """Choisir un mot de passe demande une connexion de moins de dix minutes ; reconnectez-vous."""


class GoogleNonConfigure(FailedPrecondition):
    """La connexion avec Google n'est pas configurée."""


class RedirectionInvalide(InvalidArgument):
    """Cette adresse de retour n'est pas autorisée."""


class EtatInvalide(InvalidArgument):
    """Cette demande de connexion est inconnue dans ce navigateur ; recommencez."""


class EtatExpire(InvalidArgument):
    """Cette demande de connexion a expiré ; recommencez."""


class EtatDejaUtilise(InvalidArgument):
    """Cette demande de connexion a déjà servi ; recommencez."""


class CodeRequis(InvalidArgument):
    """Google n'a pas transmis de code ; recommencez."""


class RefusUtilisateur(PermissionDenied):
    """La connexion avec Google a été annulée."""


class IdTokenInvalide(Unauthenticated):
    """La réponse de Google n'a pas pu être vérifiée ; recommencez."""


class EmailNonVerifie(Unauthenticated):
    """Votre adresse e-mail n'est pas vérifiée chez Google."""


class ConflitIdentite(Unauthenticated):
    """Un autre compte Google est déjà lié à cette adresse e-mail."""


class GoogleIndisponible(Unavailable):
    """Google est momentanément indisponible ; recommencez."""


class UtilisateursIndisponibles(Unavailable):
    """L'annuaire des utilisateurs est momentanément indisponible."""
