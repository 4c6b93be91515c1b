"""Settings of the users service, and values with which it must not start."""

import base64
from typing import Any

import pytest
from grpc_utils.providers import provider_of
from service_kit import ConfigurationError, load
from service_users.settings import UsersSettings


def settings(**told: Any) -> UsersSettings:
    """Load the settings with what is *told*."""
    keys = "k1:" + base64.b64encode(bytes(32)).decode()
    loaded = load(UsersSettings, **({"database_url": "dbname=crm", "encryption_keys": keys} | told))
    assert isinstance(loaded, UsersSettings)
    return loaded


@pytest.mark.parametrize(("environment", "required"), [("development", False), ("production", True)])
def test_R20_signed_times_are_required_but_in_development(environment: str, required: bool) -> None:
    """The setting decides; by default, signed times are required except in development."""
    assert settings(crm_env=environment).webhook_timestamp_required is required
    told = settings(crm_env=environment, kinde_webhook_require_timestamp=not required)
    assert told.webhook_timestamp_required is not required


def test_R20_secrets_of_both_settings_count() -> None:
    """The secret and those of a rotation all count; without any, no webhook is taken."""
    both = settings(kinde_webhook_secret="a", kinde_webhook_secrets="b, c,")
    assert (both.webhook_secrets, settings().webhook_secrets) == ((b"a", b"b", b"c"), ())
    assert "b, c" not in repr(both)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("https://kinde.exemple.fr/", False), ("http://kinde.exemple.fr", True), ("http://127.0.0.1:1", False)],
)
def test_R20_the_issuer_of_webhooks(address: str, allowed: bool) -> None:
    """The issuer is reached over https, or over http on this machine or when that is allowed."""
    assert settings(kinde_issuer_url=address, jwks_allow_http=allowed).kinde_issuer_url == address.rstrip("/")


@pytest.mark.parametrize("address", ["http://kinde.exemple.fr", "pas une adresse", "ftp://kinde.exemple.fr"])
def test_R20_an_issuer_whose_keys_could_be_changed_on_the_way_is_refused(address: str) -> None:
    """An issuer over http elsewhere keeps the process from starting."""
    with pytest.raises(ConfigurationError, match="KINDE_ISSUER_URL"):
        settings(kinde_issuer_url=address)


def test_S1_subjects_are_those_of_the_issuer_s_provider() -> None:
    """Our own tokens name our own ids; unknown issuers are auth0's."""
    told = settings(
        issuer_providers="https://accounts.google.com=google, autre=kinde",
        keycloak_realm_url="https://sso.exemple.fr/realms/crm/",
    )
    issuers = ("crm-auth", "https://accounts.google.com", "autre", "https://sso.exemple.fr/realms/crm", "x")
    assert [provider_of(issuer, told) for issuer in issuers] == [
        "local",
        "google",
        "kinde",
        "keycloak",
        "auth0",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("issuer_providers", "x=facebook"), ("bcrypt_cost", 3), ("trusted_email_providers", "facebook")],
)
def test_what_cannot_be_is_refused_at_the_start(name: str, value: object) -> None:
    """Impossible values are refused with the name of their setting."""
    with pytest.raises(ConfigurationError, match=name.upper()):
        settings(**{name: value})


def test_lists_are_words_between_commas() -> None:
    """DEFAULT_APPS and TRUSTED_EMAIL_PROVIDERS are lists; an empty one trusts nobody."""
    told = settings(default_apps=" crm , accounting", trusted_email_providers="google")
    assert (told.default_apps, told.trusted_email_providers) == (("crm", "accounting"), ("google",))
    assert settings().default_apps == ("crm", "commercial", "accounting")
    assert settings(trusted_email_providers="").trusted_email_providers == ()


def test_C15_links_are_sealed_or_the_service_does_not_start() -> None:
    """The service refuses to start without usable ENCRYPTION_KEYS, and names the setting."""
    with pytest.raises(ConfigurationError, match="ENCRYPTION_KEYS"):
        settings(encryption_keys="k1:court")
