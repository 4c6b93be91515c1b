"""The integrations service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_integrations.admin import AdminService
from service_integrations.audit import AuditService
from service_integrations.housekeeping import LISTEN, PURGE, REENCRYPT, REFRESH
from service_integrations.integration_service import IntegrationService
from service_integrations.models import Base
from service_integrations.settings import IntegrationsSettings
from service_integrations.token_service import TokenService

SERVICE = Service(
    name="integrations",
    port=50060,
    tables=Base.metadata,
    servicers=(IntegrationService, TokenService, AuditService, AdminService),
    workers=(REFRESH, REENCRYPT, PURGE, LISTEN),
    settings=IntegrationsSettings,
)
