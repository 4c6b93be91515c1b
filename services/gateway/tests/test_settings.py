"""Settings that the gateway refuses, and the values that it derives from the others."""

import pytest
from gateway.settings import GatewaySettings
from service_kit import ConfigurationError, load


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frontend_origins", "*"),
        ("frontend_origins", "https://app.example/"),
        ("frontend_origins", "https://app.example/path"),
        ("frontend_origins", "app.example"),
        ("frontend_origins", "https://*.example"),
        ("frontend_origins", "https://user@app.example"),
        ("frontend_origins", "javascript:alert(1)"),
        ("frontend_origins", "https://app.example:99999"),
        ("frontend_origins", " , "),
        ("integrations_redirect_origins", "*"),
        ("integrations_redirect_origins", "https://app.example/parametres"),
        ("integrations_redirect_origins", "https://user@app.example"),
        ("trusted_proxies", "10.0.0.0/33"),
        ("trusted_proxies", "proxy"),
        ("public_base_url", "https://crm.example/path"),
        ("public_base_url", "crm.example"),
        ("request_timeout_s", "16"),
    ],
)
def test_what_would_be_unsafe_is_refused(name: str, value: str) -> None:
    """An unsafe value is refused with a sentence that names the setting."""
    with pytest.raises(ConfigurationError, match=name.upper()):
        load(GatewaySettings, **{name: value})


@pytest.mark.parametrize("base", ["", "http://crm.example"])
def test_production_is_reached_over_https(base: str) -> None:
    """Production needs an https base URL, or cookies and tokens would not be secret."""
    with pytest.raises(ConfigurationError, match="PUBLIC_BASE_URL: production needs an https address"):
        load(GatewaySettings, crm_env="production", public_base_url=base)


@pytest.mark.parametrize(
    ("settings", "secure"),
    [
        ({}, False),
        ({"public_base_url": "http://127.0.0.1:8080"}, False),
        ({"public_base_url": "http://[::1]:8080"}, False),
        ({"public_base_url": "http://crm.example"}, True),
        ({"public_base_url": "https://localhost"}, True),
        ({"public_base_url": "https://crm.example", "cookie_secure": "false"}, False),
        ({"cookie_secure": "true"}, True),
    ],
)
def test_cookies_are_secure_unless_it_is_http_on_this_machine(settings: dict[str, str], secure: bool) -> None:
    """Cookies are secure but over http on this machine; COOKIE_SECURE has the last word."""
    assert load(GatewaySettings, **settings).secure_cookies is secure


def test_the_base_url_follows_the_port() -> None:
    """The default of the base URL names the port that is set."""
    assert load(GatewaySettings, gateway_port=5100).base_url == "http://localhost:5100"


def test_browsers_end_at_the_front_end() -> None:
    """Connections end at FRONTEND_ORIGINS unless INTEGRATIONS_REDIRECT_ORIGINS is given."""
    front, other = "https://app.example", "https://parametres.example"
    assert load(GatewaySettings, frontend_origins=front).redirect_origins == (front,)
    named = load(GatewaySettings, frontend_origins=front, integrations_redirect_origins=other)
    assert named.redirect_origins == (other,)
