"""What holds for every edge, whatever it serves. A new edge is covered by being installed."""

from pathlib import Path

import pytest
from service_kit import LIVENESS, Edge, load
from service_kit.registry import edges, processes
from service_testing import running
from service_testing.web import web_client

ROOT = Path(__file__).parents[2]
EVERY_EDGE = pytest.mark.parametrize("edge", edges().values(), ids=edges())


def test_no_two_processes_share_a_port() -> None:
    """Services and edges together."""
    ports = [process.port for process in processes().values()]
    assert len(ports) == len(set(ports))


@EVERY_EDGE
async def test_it_lives_although_nobody_else_does(edge: Edge) -> None:
    """Its health check is about its process alone."""
    async with running(edge) as mesh, web_client() as client:
        answer = await client.get(f"http://{mesh.address(edge.name)}{LIVENESS}")
    assert answer.status_code == 200


@EVERY_EDGE
def test_its_settings_say_where_it_listens(edge: Edge) -> None:
    """Under its own name, at its own port."""
    fields = edge.settings.model_fields
    assert fields[f"{edge.name}_port"].default == edge.port
    assert f"{edge.name}_host" in fields


@EVERY_EDGE
def test_the_example_is_a_valid_environment(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, it gives the defaults."""
    for line in (ROOT / "services" / edge.name / ".env.example").read_text().splitlines():
        name, assigned, value = line.partition("=")
        if assigned and not line.startswith("#"):
            monkeypatch.setenv(name, value)
    defaults = {name: field.default for name, field in edge.settings.model_fields.items()}
    assert load(edge.settings).model_dump() == defaults


@EVERY_EDGE
def test_its_readme_tells_its_port(edge: Edge) -> None:
    """In the title."""
    title = (ROOT / "services" / edge.name / "README.md").read_text().splitlines()[0]
    assert title == f"# {edge.name} — port {edge.port}"
