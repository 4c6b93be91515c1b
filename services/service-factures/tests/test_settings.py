"""Settings of the way to a platform: whose account it is, and that nothing leaves in plain text (R36)."""

import pytest
from service_factures.settings import FacturesSettings
from service_kit import ConfigurationError, load

COMPULSORY = {"DATABASE_URL": "host=localhost", "ENCRYPTION_KEYS": f"k1:{'A' * 43}="}
ACCOUNT = {"FACTURES_PA_FLOW_URL": "https://pa.exemple.fr/flow", "DEFAULT_ORGANISATION_ID": "org-123"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"FACTURES_PA_FLOW_URL": "https://pa.exemple.fr", "DEFAULT_ORGANISATION_ID": ""}, "whose account"),
        ({"FACTURES_PA_FLOW_URL": "http://pa.exemple.fr"}, "use https"),
        ({"FACTURES_PA_TOKEN_URL": "http://pa.exemple.fr"}, "use https"),
        ({"FACTURES_PA_DIRECTORY_URL": "ftp://pa.exemple.fr"}, "use https"),
        ({"FACTURES_TRANSMISSION": "courrier"}, "dossier"),
        ({"FACTURES_TRANSMISSION": "plateforme"}, "FACTURES_PA_CLIENT_ID: FACTURES_TRANSMISSION=plateforme"),
        ({"FACTURES_TRANSMISSION": "plateforme", "FACTURES_PA_CLIENT_ID": "crm"}, "_TOKEN_URL"),
    ],
)
def test_R36_an_account_that_could_be_anybodys_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], sentence: str
) -> None:
    """As is one whose address is not https."""
    for name, value in (COMPULSORY | ACCOUNT | given).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=sentence):
        load(FacturesSettings)


def test_R36_an_account_of_one_company_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also http to this machine; without a folder there is none."""
    for name, value in (COMPULSORY | ACCOUNT | {"FACTURES_PA_TOKEN_URL": "http://127.0.0.1:9/token"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FACTURES_DEPOT_DIR", raising=False)
    settings = load(FacturesSettings)
    assert (settings.factures_transmission, settings.factures_depot_dir) == ("dossier", None)
