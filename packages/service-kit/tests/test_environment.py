"""The secrets of a mesh: made for all, given to those whose settings declare them."""

from typing import Annotated

from pydantic import SecretStr
from service_kit import LongSecret, Made, SealingSettings, Settings, load
from service_kit.environment import new_secrets

KEYS = {"JWT_SECRET", "SERVICE_PRIVATE_KEY", "SERVICE_PUBLIC_KEYS"}


class _Sealing(SealingSettings):
    pepper: LongSecret


class _Other(Settings):
    colour: Annotated[SecretStr, Made(lambda: "blue")]


def test_a_process_is_given_the_secrets_that_its_settings_declare() -> None:
    """And no other process is."""
    secrets = new_secrets(["one", "two", "three"], [_Sealing, _Other, Settings])
    told = {
        name: secrets.environment(name, kind).keys() - KEYS
        for name, kind in (("one", _Sealing), ("two", _Other), ("three", Settings))
    }
    assert told == {"one": {"ENCRYPTION_KEYS", "PEPPER"}, "two": {"COLOUR"}, "three": set()}


def test_processes_that_declare_the_same_secret_share_it() -> None:
    """What one has sealed, another with ENCRYPTION_KEYS can open."""
    secrets = new_secrets(["one", "two"], [_Sealing, SealingSettings])
    one, two = secrets.environment("one", _Sealing), secrets.environment("two", SealingSettings)
    assert one["ENCRYPTION_KEYS"] == two["ENCRYPTION_KEYS"]
    assert one["SERVICE_PRIVATE_KEY"] != two["SERVICE_PRIVATE_KEY"]


def test_what_is_made_is_good_enough() -> None:
    """The settings accept it."""
    made = new_secrets(["one"], [_Sealing]).environment("one", _Sealing)
    settings = load(
        _Sealing, database_url="dbname=crm", **{name.lower(): value for name, value in made.items()}
    )
    assert settings.envelope()
