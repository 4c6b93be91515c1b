"""Refusals of the integrations service: the closed list of R1.

Import the module, not the names: one of them is TimeoutError. `ProviderRefused` is no refusal of
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


class ProviderRefused(Exception):
    """A refusal by the provider; *error* is its own code, such as invalid_grant."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(f"{status} {error}")
        self.status, self.error = status, error


class IntegrationRefusal(Refusal):
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


class InvalidProvider(IntegrationRefusal, InvalidArgument):
    """Ce fournisseur est inconnu ou n'est pas activé."""


class InvalidUserId(IntegrationRefusal, InvalidArgument):
    """L'identifiant d'utilisateur est vide ou malformé."""


class InvalidRedirectUrl(IntegrationRefusal, InvalidArgument):
    """Cette adresse de retour n'est pas autorisée."""


class OauthInitError(IntegrationRefusal, FailedPrecondition):
    """La connexion n'a pas pu commencer : la configuration du fournisseur est incomplète."""


class InvalidState(IntegrationRefusal, PermissionDenied):
    """Cette demande de connexion est inconnue, expirée ou déjà utilisée ; recommencez."""


class OauthCallbackError(IntegrationRefusal, FailedPrecondition):
    """La connexion a été refusée ou son code n'est plus valable ; recommencez."""


class AccountNotFound(IntegrationRefusal, NotFound):
    """Ce compte n'est pas connecté."""


class NoRefreshToken(IntegrationRefusal, FailedPrecondition):
    """Ce compte ne peut pas être actualisé ; reconnectez-le."""


class TokenRefreshError(IntegrationRefusal, Unavailable):
    """L'actualisation du compte a échoué."""

    retryable = True


class TokenExpired(IntegrationRefusal, FailedPrecondition):
    """L'accès au compte a expiré ; reconnectez-le."""


class NoAccessToken(IntegrationRefusal, FailedPrecondition):
    """Ce compte n'a pas d'accès enregistré ; reconnectez-le."""


class PermissionManquante(IntegrationRefusal, FailedPrecondition):
    """La permission nécessaire n'a pas été accordée ; reconnectez le compte."""


class GetTokenError(IntegrationRefusal):
    """L'accès enregistré de ce compte est illisible."""

    code = grpc.StatusCode.INTERNAL


class DisconnectError(IntegrationRefusal):
    """La déconnexion a échoué."""

    code = grpc.StatusCode.INTERNAL


class DatabaseError(IntegrationRefusal, Unavailable):
    """Le stockage est momentanément indisponible."""

    retryable = True


class NetworkError(IntegrationRefusal, Unavailable):
    """Le fournisseur est injoignable."""

    retryable = True


class ApiError(IntegrationRefusal, Unavailable):
    """Le fournisseur ne répond pas correctement pour le moment."""

    retryable = True


class TimeoutError(IntegrationRefusal, DeadlineExceeded):
    """Le fournisseur met trop de temps à répondre."""

    retryable = True
