"""Settings of the integrations service: what signs, what seals, and where browsers may go back to."""

from grpc_utils.settings import Origins
from pydantic import Field
from service_kit import LongSecret, SealingSettings

from service_integrations.fournisseurs.settings import FournisseurSettings


class IntegrationsSettings(SealingSettings, FournisseurSettings):
    """What the integrations service can be told."""

    oauth_state_secret: LongSecret = Field(
        ..., description="secret of at least 32 bytes that signs the states of connections under way"
    )
    integrations_redirect_origins: Origins = Field(
        (),
        description="origins where browsers may end, comma-separated; the first is the default; "
        "nothing can be connected when empty",
    )
