"""Settings of the integrations service: signing, sealing, and where browsers may end."""

from grpc_utils.settings import Origins
from pydantic import Field
from service_kit import LongSecret, SealingSettings

from service_integrations.providers.settings import ProviderSettings


class IntegrationsSettings(SealingSettings, ProviderSettings):
    """Settings of the integrations service, beside those of every service and of the providers."""

    oauth_state_secret: LongSecret = Field(
        ..., description="secret of at least 32 bytes that signs the states of connections under way"
    )
    integrations_redirect_origins: Origins = Field(
        (),
        description="origins where browsers may end, comma-separated; the first is the default; "
        "nothing can be connected when empty",
    )
