"""Settings of the providers (R26)."""

from urllib.parse import urlsplit

import pytest
from service_integrations.providers.settings import ProviderSettings
from service_kit import ConfigurationError
from tests.elsewhere import CODES, settings

ADDRESSES = [name for name in ProviderSettings.model_fields if name.startswith("oauth_") and "_ur" in name]


def test_R26_the_real_providers_are_the_default() -> None:
    """The default addresses are those of the real providers, over https, 60 times a minute."""
    told = settings()
    urls = [getattr(told, name) for name in ADDRESSES if name.endswith("_url")]
    assert {urlsplit(url).scheme for url in urls} == {"https"}
    assert {getattr(told, f"rate_{code}") for code in CODES} == {60}
    assert {getattr(told, f"oauth_{code}_redirect_uri") for code in CODES} == {""}


@pytest.mark.parametrize("name", ADDRESSES)
@pytest.mark.parametrize("url", ["http://provider.exemple/x", "javascript:alert(1)", "https://", "provider"])
def test_R26_every_address_is_https_or_this_machine(name: str, url: str) -> None:
    """Addresses over http to other machines, and texts that are no address, are refused by name."""
    with pytest.raises(ConfigurationError, match=f"{name.upper()}: https is needed"):
        settings(**{name: url})
    assert getattr(settings(**{name: "http://127.0.0.1:8080/x"}), name) == "http://127.0.0.1:8080/x"


@pytest.mark.parametrize(
    ("name", "value"), [("rate_google", 5), ("oauth_timeout_s", 0), ("oauth_timeout_s", 11)]
)
def test_what_would_ask_never_or_wait_for_ever_is_refused(name: str, value: float) -> None:
    """A rate below 6 and times outside 10 s are refused by name."""
    with pytest.raises(ConfigurationError, match=name.upper()):
        settings(**{name: value})


def test_C16_secrets_are_not_shown() -> None:
    """The repr of settings shows no client secret."""
    assert "hunter2" not in repr(settings(oauth_google_client_secret="hunter2"))
