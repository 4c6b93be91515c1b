"""Refusals of the integrations service: the closed list of R1.

Import the module, not the names: one of them is TimeoutError. `FournisseurRefuse` is no refusal of
ours: the provider has said no, and the meaning depends on what was asked.
"""

from datetime import UTC
from typing import ClassVar

import grpc
from db_utils import clock, context
from grpc_utils.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Refusal,
    Unavailable,
)

from service_integrations.models import PROVIDERS


class FournisseurRefuse(Exception):
    """A refusal by the provider; *error* is its own code, such as invalid_grant."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(f"{status} {error}")
        self.status, self.error = status, error


class ErreurIntegration(Refusal):
    """A refusal of R1; *context_* is further metadata without personal data."""

    retryable: ClassVar[bool] = False

    def __init__(self, provider: str = "", **context_: str) -> None:
        super().__init__(
            provider=provider if provider in PROVIDERS else "",  # callers may send any text
            retryable=str(self.retryable).lower(),
            correlation_id=context.correlation_id.get(),
            timestamp=clock.now().astimezone(UTC).isoformat(),
            **context_,
        )


class InvalidProvider(ErreurIntegration, InvalidArgument):
    """Ce fournisseur est inconnu ou n'est pas activé."""


class InvalidUserId(ErreurIntegration, InvalidArgument):
    """L'identifiant d'utilisateur est vide ou malformé."""


class InvalidRedirectUrl(ErreurIntegration, InvalidArgument):
    """Cette adresse de retour n'est pas autorisée."""


class OauthInitError(ErreurIntegration, FailedPrecondition):
    """La connexion n'a pas pu commencer : la configuration du fournisseur est incomplète."""


class InvalidState(ErreurIntegration, PermissionDenied):
    """Cette demande de connexion est inconnue, expirée ou déjà utilisée ; recommencez."""


class OauthCallbackError(ErreurIntegration, FailedPrecondition):
    """La connexion a été refusée ou son code n'est plus valable ; recommencez."""


class AccountNotFound(ErreurIntegration, NotFound):
    """Ce compte n'est pas connecté."""


class NoRefreshToken(ErreurIntegration, FailedPrecondition):
    """Ce compte ne peut pas être actualisé ; reconnectez-le."""


class TokenRefreshError(ErreurIntegration, Unavailable):
    """L'actualisation du compte a échoué."""

    retryable = True


class TokenExpired(ErreurIntegration, FailedPrecondition):
    """L'accès au compte a expiré ; reconnectez-le."""


class NoAccessToken(ErreurIntegration, FailedPrecondition):
    """Ce compte n'a pas d'accès enregistré ; reconnectez-le."""


class PermissionManquante(ErreurIntegration, FailedPrecondition):
    """La permission nécessaire n'a pas été accordée ; reconnectez le compte."""


class GetTokenError(ErreurIntegration):
    """L'accès enregistré de ce compte est illisible."""

    code = grpc.StatusCode.INTERNAL


class DisconnectError(ErreurIntegration):
    """La déconnexion a échoué."""

    code = grpc.StatusCode.INTERNAL


class DatabaseError(ErreurIntegration, Unavailable):
    """Le stockage est momentanément indisponible."""

    retryable = True


class NetworkError(ErreurIntegration, Unavailable):
    """Le fournisseur est injoignable."""

    retryable = True


class ApiError(ErreurIntegration, Unavailable):
    """Le fournisseur ne répond pas correctement pour le moment."""

    retryable = True


class TimeoutError(ErreurIntegration, DeadlineExceeded):
    """Le fournisseur met trop de temps à répondre."""

    retryable = True
