"""Settings with which the service does not start, each with a sentence."""

import base64
from typing import Any

import pytest
from service_integrations.settings import IntegrationsSettings
from service_kit import ConfigurationError, load

KEY = base64.b64encode(b"k" * 32).decode()
GOOD: dict[str, Any] = {
    "database_url": "postgresql:///crm",
    "oauth_state_secret": "s" * 32,
    "encryption_keys": f"k1:{KEY}",
}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OAUTH_STATE_SECRET", "ENCRYPTION_KEYS", "DATABASE_URL", "INTEGRATIONS_REDIRECT_ORIGINS"):
        monkeypatch.delenv(name, raising=False)


def test_origins_are_split_by_commas() -> None:
    """Origins are separated by commas, spaces around them left out."""
    origins = "https://app.exemple.fr, http://localhost:3000,"
    settings = load(IntegrationsSettings, **GOOD, integrations_redirect_origins=origins)
    expected = ("https://app.exemple.fr", "http://localhost:3000")
    assert settings.integrations_redirect_origins == expected


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"oauth_state_secret": None}, "OAUTH_STATE_SECRET is missing"),
        ({"oauth_state_secret": "s" * 31}, "OAUTH_STATE_SECRET: it needs at least 32 bytes"),
        ({"encryption_keys": None}, "ENCRYPTION_KEYS is missing"),
        ({"encryption_keys": f"k1:{KEY},k1:{KEY}"}, "occurs twice"),
        ({"integrations_redirect_origins": "app.exemple.fr"}, "is no origin"),
        ({"integrations_redirect_origins": "https://app.exemple.fr/"}, "is no origin"),
        ({"integrations_redirect_origins": "https://App.exemple.fr"}, "is no origin"),
        ({"integrations_redirect_origins": "https://moi@app.exemple.fr"}, "is no origin"),
        ({"integrations_redirect_origins": "javascript://app.exemple.fr"}, "is no origin"),
        ({"integrations_redirect_origins": "https://"}, "is no origin"),
    ],
)
def test_R3_R7_unsafe_settings_stop_the_process(changes: dict[str, object], told: str) -> None:
    """The error names the setting and what to do, never a secret."""
    given = {name: value for name, value in (GOOD | changes).items() if value is not None}
    with pytest.raises(ConfigurationError) as error:
        load(IntegrationsSettings, **given)
    assert told in str(error.value)
    assert KEY not in str(error.value)
