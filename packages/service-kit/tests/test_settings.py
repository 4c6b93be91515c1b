"""What a service can be told, what it refuses to be told, and where that is written down."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from grpc_utils import ORGANISATION_CLAIMS
from service_kit import ConfigurationError, Settings
from service_kit.environment import new_secrets
from service_kit.registry import services
from service_kit.settings import load

ROOT = Path(__file__).parents[3]
_SECRET = "Zm9vYmFyYmF6cXV4MDEyMzQ1Njc4OWFiY2RlZg"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with the one setting that has no default, and no other of ours."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATABASE_URL", "host=localhost dbname=crm")
    return monkeypatch


def refusal() -> str:
    """The sentence with which this environment is refused."""
    with pytest.raises(ConfigurationError) as told:
        load(Settings)
    return str(told.value)


def test_the_defaults_are_those_of_the_documents() -> None:
    """C12: ten connections; C6: the claims in their order; reflection outside production."""
    settings = load(Settings)
    assert (settings.db_pool_size, settings.org_claims) == (10, ORGANISATION_CLAIMS)
    assert (settings.auth_enabled, settings.in_production, settings.reflection) == (True, False, True)


def test_a_missing_setting_is_told_with_what_it_is(environment: pytest.MonkeyPatch) -> None:
    """An empty one is missing too, as in a copied example file."""
    environment.setenv("DATABASE_URL", "")
    assert refusal() == (
        "DATABASE_URL is missing: libpq connection string; its user may take the service's role"
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "DATABASE_URL",
            "hunter2",
            "DATABASE_URL: neither postgresql://user:password@host/database nor host=… user=… dbname=…",
        ),
        (
            "DATABASE_URL",
            "postgresql://crm:hunter2@[::1/crm",
            "DATABASE_URL: neither postgresql://user:password@host/database nor host=… user=… dbname=…",
        ),
        ("CRM_ENV", "prod", "CRM_ENV: Input should be 'development', 'test' or 'production'"),
        ("LOG_LEVEL", "hunter2", "LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("GRPC_PORT", "70000", "GRPC_PORT: Input should be less than or equal to 65535"),
        ("DB_POOL_SIZE", "0", "DB_POOL_SIZE: Input should be greater than or equal to 1"),
        ("SHUTDOWN_GRACE_S", "-1", "SHUTDOWN_GRACE_S: Input should be greater than or equal to 0"),
        ("NATS_REPLICAS", "6", "NATS_REPLICAS: Input should be less than or equal to 5"),
        (
            "ORG_CLAIMS",
            " , ",
            "ORG_CLAIMS: Tuple should have at least 1 item after validation, not 0",
        ),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence_without_its_value(
    environment: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    """Which names the setting and what it takes."""
    environment.setenv(name, value)
    assert refusal() == sentence
    assert "hunter2" not in sentence


def test_all_wrong_settings_are_told_at_once(environment: pytest.MonkeyPatch) -> None:
    """Who corrects one does not have to come back for the next."""
    environment.setenv("DB_POOL_SIZE", "0")
    environment.setenv("AUTH_ENABLED", "peut-être")
    assert refusal().count(";") == 1


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("company_id", ("company_id",)),
        (" a , b,,c ", ("a", "b", "c")),
        ("https://exemple.fr/org", ("https://exemple.fr/org",)),
        ("", ORGANISATION_CLAIMS),
    ],
)
def test_C06_claims_are_separated_by_commas(
    environment: pytest.MonkeyPatch, text: str, claims: tuple[str, ...]
) -> None:
    """Spaces and empty parts mean nothing, an empty setting means the default."""
    environment.setenv("ORG_CLAIMS", text)
    assert load(Settings).org_claims == claims


@pytest.mark.parametrize(
    ("value", "address"),
    [(None, "localhost:50064"), ("", "localhost:50064"), ("products.interne:443", "products.interne:443")],
)
def test_C01_the_address_of_a_peer_comes_from_its_variable(
    environment: pytest.MonkeyPatch, value: str | None, address: str
) -> None:
    """`<SERVICE>_GRPC_ADDR`, else this machine at the port of the service."""
    environment.delenv("PRODUCTS_GRPC_ADDR", raising=False)
    if value is not None:
        environment.setenv("PRODUCTS_GRPC_ADDR", value)
    assert Settings.addresses({"products": 50064}) == {"products": address}


def _generator() -> ModuleType:
    """The script that writes the example files."""
    spec = importlib.util.spec_from_file_location("env_examples", ROOT / "scripts" / "env_examples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _example(name: str) -> Path:
    return ROOT / "services" / f"service-{name}" / ".env.example" if name else ROOT / ".env.example"


@pytest.mark.parametrize("name", ["", *services()])
def test_the_example_files_are_those_of_the_code(name: str) -> None:
    """`scripts/generate` would change nothing."""
    kind, title = Settings, "Settings that every service understands."
    if name:
        service = services()[name]
        kind, title = service.settings, f"Settings of the {name} service (port {service.port})."
    assert _example(name).read_text() == _generator().lines(kind, title)


@pytest.mark.parametrize("name", ["", *services()])
def test_an_example_file_filled_in_is_an_environment(environment: pytest.MonkeyPatch, name: str) -> None:
    """Its empty lines stand for the defaults: a copy needs only what has none."""
    kind: Any = services()[name].settings if name else Settings
    for line in _example(name).read_text().splitlines():
        if line and not line.startswith("#"):
            environment.setenv(*line.split("=", 1))
    given = {"DATABASE_URL": "host=localhost dbname=crm", "JWT_SECRET": _SECRET}
    made = new_secrets(["clients"], [kind]).environment("clients", kind)
    needed = {field.upper() for field, info in kind.model_fields.items() if info.is_required()}
    given |= {field: made[field] for field in needed - given.keys()}
    for field, value in given.items():
        environment.setenv(field, value)
    filled = load(kind)
    plain = load(kind, **{field.lower(): value for field, value in given.items()})
    assert filled == plain
    assert filled.authenticator(name or "clients")


def test_every_setting_says_what_it_is() -> None:
    """No line of an example file without its comment."""
    kinds: list[type[Settings]] = [Settings, *(service.settings for service in services().values())]
    silent = [name for kind in kinds for name, field in kind.model_fields.items() if not field.description]
    assert silent == []


def test_a_clock_that_moves_is_refused_in_production(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And told at the start elsewhere; a file that cannot be made is named."""
    environment.setenv("CLOCK_FILE", str(tmp_path / "none" / "clock"))
    settings = load(Settings)
    assert settings.leniences == ["CLOCK_FILE: `crm clock` may move the clock of this process"]
    with pytest.raises(ConfigurationError) as told:
        settings.follow_clock()
    assert str(told.value) == f"CLOCK_FILE {tmp_path}/none/clock: No such file or directory"
    environment.setenv("CRM_ENV", "production")
    with pytest.raises(ConfigurationError, match=r"^CLOCK_FILE is refused with CRM_ENV=production"):
        load(Settings).follow_clock()
