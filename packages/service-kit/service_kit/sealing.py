"""Settings that are secrets: texts that nobody can guess, and the keys of secrets at rest (C15)."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from db_utils import Envelope, InvalidKeys
from pydantic import AfterValidator, Field, SecretStr, field_validator

from service_kit.settings import Settings

_SHORTEST = 32  # bytes, as much as the output of the hashes that they key (RFC 2104 section 3)


@dataclass(frozen=True, slots=True)
class Made:
    """Mark of a setting that a mesh makes for itself, as in `Annotated[SecretStr, Made(new)]`.

    *new* makes a value. `crm up`, `crm secrets` and the tests make one for a whole mesh and give it
    to the processes whose settings declare it, and to no others.
    """

    new: Callable[[], str]


def _random_text() -> str:
    return secrets.token_urlsafe(48)


def _sealing_key() -> str:
    return f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < _SHORTEST:
        raise ValueError("it needs at least 32 bytes: make one with `openssl rand -base64 48`")
    return secret


LongSecret = Annotated[SecretStr, AfterValidator(_long_enough), Made(_random_text)]


class SealingSettings(Settings):
    """Settings of a service that seals some of its columns."""

    encryption_keys: Annotated[SecretStr, Made(_sealing_key)] = Field(
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
        """Make the envelope for secrets at rest (C15)."""
        return Envelope(self.encryption_keys.get_secret_value())
