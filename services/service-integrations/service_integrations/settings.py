"""Settings of the integrations service: what signs, what seals, and where browsers may go back to."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import NoDecode
from service_kit.sealing import LongSecret, SealingSettings

from service_integrations.fournisseurs.settings import FournisseurSettings


class IntegrationsSettings(SealingSettings, FournisseurSettings):
    """What the integrations service can be told."""

    oauth_state_secret: LongSecret = Field(
        ..., description="secret of at least 32 bytes that signs the states of connections under way"
    )
    integrations_redirect_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="origins where browsers may end, comma-separated; the first is the default; "
        "nothing can be connected when empty",
    )

    @field_validator("integrations_redirect_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("integrations_redirect_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            whole = f"{parts.scheme}://{parts.netloc}".lower()
            known = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
            if not known or origin != whole:
                raise ValueError(f"{origin} is no origin: write https://host or https://host:port")
        return origins
