"""Settings of services that keep secrets: what seals them at rest (C15), and secrets nobody can guess."""

from typing import Annotated

from db_utils import Envelope, InvalidKeys
from pydantic import AfterValidator, Field, SecretStr, field_validator

from service_kit.settings import Settings

_SHORTEST = 32  # bytes, as much as the output of the hashes that they key (RFC 2104 section 3)


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < _SHORTEST:
        raise ValueError("it needs at least 32 bytes: make one with `openssl rand -base64 48`")
    return secret


LongSecret = Annotated[SecretStr, AfterValidator(_long_enough)]


class SealingSettings(Settings):
    """What a service can be told that seals some of its columns."""

    encryption_keys: SecretStr = Field(
        ..., description='"id:base64 of 32 bytes", comma-separated: the first seals, all open'
    )

    @field_validator("encryption_keys")
    @classmethod
    def _usable_keys(cls, keys: SecretStr) -> SecretStr:
        try:
            Envelope(keys.get_secret_value())
        except InvalidKeys as error:
            raise ValueError(str(error)) from None
        return keys

    def envelope(self) -> Envelope:
        """What seals secrets at rest (C15)."""
        return Envelope(self.encryption_keys.get_secret_value())
