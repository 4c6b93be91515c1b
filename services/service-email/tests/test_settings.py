"""Settings with which the service does not start, each with a sentence that says what to do."""

from typing import Any

import pytest
from service_email.settings import EmailSettings
from service_kit import ConfigurationError, load

SERVER = {"smtp_host": "smtp.exemple.fr", "smtp_from": "CRM <crm@exemple.fr>"}


KEYS = f"k1:{'A' * 43}="


def settings(**given: Any) -> EmailSettings:
    """The settings loaded from *given*."""
    loaded = load(EmailSettings, database_url="", encryption_keys=KEYS, **given)
    assert isinstance(loaded, EmailSettings)
    return loaded


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({**SERVER, "smtp_securite": "aucune"}, "SMTP_SECURITE: aucune is refused for smtp.exemple.fr"),
        ({"smtp_host": "smtp.exemple.fr"}, "SMTP_FROM: set it together with SMTP_HOST"),
        ({**SERVER, "smtp_from": "CRM"}, "SMTP_FROM: not a sender"),
        ({**SERVER, "smtp_from": "a@b.fr\r\nBcc: z@y.fr"}, "SMTP_FROM: not a sender"),
        ({**SERVER, "smtp_timeout_s": 90}, "SMTP_TIMEOUT_S"),
        ({"crm_env": "production"}, "SMTP_HOST: set it"),
    ],
)
def test_R06_R14_unsafe_settings_are_refused(given: dict[str, Any], sentence: str) -> None:
    """Plain text to other machines, a missing sender and mails that would end in a folder are refused."""
    with pytest.raises(ConfigurationError, match=sentence):
        settings(**given)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.10", "::1"])
def test_R14_plain_text_is_for_this_machine(host: str) -> None:
    """Loopback addresses need no permission for plain text."""
    assert settings(**{**SERVER, "smtp_host": host}, smtp_securite="aucune").smtp_securite == "aucune"


def test_R14_plain_text_elsewhere_is_on_express_demand() -> None:
    """SMTP_ALLOW_PLAINTEXT=true allows plain text to another machine."""
    told = settings(**SERVER, smtp_securite="aucune", smtp_allow_plaintext=True)
    assert told.smtp_host == "smtp.exemple.fr"


def test_the_password_is_not_printed() -> None:
    """The password is in neither str nor repr."""
    assert "tres-secret" not in f"{settings(**SERVER, smtp_password='tres-secret')!r}"
