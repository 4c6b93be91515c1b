"""Settings that auth does not start with, each refused with a sentence."""

import base64
from typing import Any

import pytest
from service_auth.settings import AuthSettings
from service_kit import ConfigurationError, load

KEY = base64.b64encode(b"k" * 32).decode()
GOOD: dict[str, Any] = {
    "database_url": "postgresql:///crm",
    "auth_pepper": "p" * 32,
    "encryption_keys": f"k1:{KEY}",
    "jwt_secret": "",
}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AUTH_PEPPER", "ENCRYPTION_KEYS", "JWT_SECRET", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def refused(**changes: object) -> str:
    """Sentence with which these settings are refused."""
    given = {name: value for name, value in (GOOD | changes).items() if value is not None}
    with pytest.raises(ConfigurationError) as error:
        load(AuthSettings, **given)
    return str(error.value)


def test_the_good_settings_are_good() -> None:
    """Good settings open their own envelopes; Google is off without a client."""
    settings: Any = load(AuthSettings, **GOOD)
    assert not settings.google_configured
    assert settings.envelope().open(settings.envelope().seal("a", "p"), "p") == "a"


def test_R8_the_defaults_are_those_of_the_rules() -> None:
    """Seconds: lives of token and session (R11), lead of a key, time of a request to Google (R17)."""
    settings: Any = load(AuthSettings, **GOOD)
    told = (settings.jwt_ttl_s, settings.jwt_key_lead_s, settings.session_max_s, settings.google_timeout_s)
    assert told == (3600, 60, 12 * 3600, 5)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"auth_pepper": None}, "AUTH_PEPPER is missing"),
        ({"auth_pepper": "p" * 31}, "AUTH_PEPPER: it needs at least 32 bytes"),
        ({"encryption_keys": None}, "ENCRYPTION_KEYS is missing"),
        ({"encryption_keys": ""}, "ENCRYPTION_KEYS"),
        ({"encryption_keys": f"k1:{KEY},k1:{KEY}"}, "occurs twice"),
        ({"encryption_keys": "k1:c2hvcnQ="}, "is not 32 bytes"),
        ({"google_discovery_url": "http://accounts.google.com/x"}, "https is needed"),
        ({"jwt_ttl_s": 59}, "JWT_TTL_S"),
        ({"jwt_ttl_s": 24 * 3600 + 1}, "JWT_TTL_S"),
    ],
)
def test_R8_unsafe_settings_stop_the_process(changes: dict[str, object], told: str) -> None:
    """The sentence names the setting and what to do, never its value."""
    sentence = refused(**changes)
    assert told in sentence
    assert KEY not in sentence


def test_R8_a_short_jwt_secret_stops_the_process() -> None:
    """A JWT_SECRET of 31 bytes is refused."""
    settings = load(AuthSettings, **GOOD | {"jwt_secret": "s" * 31})
    with pytest.raises(ConfigurationError, match="JWT_SECRET has 31 bytes"):
        settings.authenticator("auth")
