"""The auth service as data: its parts. Start reading here."""

from service_kit import Service

from service_auth.housekeeping import KEYS, PURGE
from service_auth.models import Base
from service_auth.security import SecurityService
from service_auth.sessions import AuthService
from service_auth.settings import AuthSettings
from service_auth.token_service import TokenService, own_issuer, own_revocations
from service_auth.welcome import WELCOME

SERVICE = Service(
    name="auth",
    port=50065,
    tables=Base.metadata,
    servicers=(AuthService, TokenService, SecurityService),
    workers=(WELCOME, KEYS, PURGE),
    settings=AuthSettings,
    issuer=own_issuer,
    revoked=own_revocations,
)
