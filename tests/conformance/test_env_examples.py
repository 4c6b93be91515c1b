"""The .env.example of every service is an environment, as it stands."""

from pathlib import Path

import pytest
from service_kit import Service, load
from service_kit.environment import new_secrets
from service_kit.registry import services

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("service", services().values(), ids=lambda service: service.name)
def test_the_example_is_a_valid_environment(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied and completed by what has no default, it gives the defaults."""
    example = ROOT / "services" / f"service-{service.name}" / ".env.example"
    for line in example.read_text().splitlines():
        name, assigned, value = line.partition("=")
        if assigned and not line.startswith("#"):
            monkeypatch.setenv(name, value)
    secrets = new_secrets([service.name], [service.settings]).environment(service.name, service.settings)
    completed = {"DATABASE_URL": "postgresql:///crm"} | secrets
    fields = service.settings.model_fields
    required = {name for name, field in fields.items() if field.is_required()}
    for name in required:
        monkeypatch.setenv(name.upper(), completed[name.upper()])
    settings = load(service.settings).model_dump(exclude=required)
    assert settings == {name: field.default for name, field in fields.items() if name not in required}
