"""`crm secrets` and `crm health`, which the containers of `compose/` stand on."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from crm_cli.stack import secret_lines
from gateway.edge import GATEWAY
from service_clients.service import SERVICE as CLIENTS
from service_kit import LIVENESS, Edge
from service_kit.registry import process_named, processes, service_named, services
from service_kit.revocations import BEARABLE, BEHIND
from service_testing import running
from service_testing.command import Command

COMPOSE = Path(__file__).parents[3] / "compose"


def _variables() -> set[str]:
    """Every variable that the stacks demand."""
    texts = [path.read_text() for path in COMPOSE.rglob("*") if path.suffix in (".yml", ".conf", ".sh")]
    needed = {name for text in texts for name in re.findall(r"\$\{?([A-Z]+_\w+)(?!\w*:-)", text)}
    optional = {name for text in texts for name in re.findall(r"\$\{(\w+):-", text)}
    return needed - optional - {"POSTGRES_USER", "POSTGRES_DB"}


def _parsed(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


async def test_the_secrets_are_all_that_the_stacks_need(crm: Command) -> None:
    """Nothing missing, nothing that nobody reads, and no two calls alike."""
    first, second = [_parsed((await crm("secrets")).out) for _ in range(2)]
    assert _variables() - {"JWT_SECRET"} == first.keys() - {"JWT_SECRET"}
    assert [name for name in first if first[name] == second[name]] == []


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_C5_every_process_is_told_the_audience_of_keycloak(stack: str) -> None:
    """From the environment of compose, beside the realm, in what every entry is merged with."""
    text = (COMPOSE / stack / "services.yml").read_text()
    shared = text.partition("x-process: &process\n")[2].partition("x-service: &service\n  <<: *process\n")[0]
    passed = [f"  {name}: ${{{name}:-}}\n" in shared for name in ("KEYCLOAK_REALM_URL", "KEYCLOAK_AUDIENCE")]
    assert passed == [True] * 2
    merged = re.findall(r"^    environment:\n      <<: \*(?:process|service)$", text, re.M)
    assert len(merged) == len(processes())


def test_C5_tokens_of_the_realm_to_start_from_carry_an_audience() -> None:
    """That which docs/auth.md says to ask for, in access tokens alone."""
    realm = json.loads((COMPOSE / "keycloak" / "crm-realm.json").read_text())
    (client,) = realm["clients"]
    mappers = {mapper["protocolMapper"]: mapper["config"] for mapper in client["protocolMappers"]}
    audience = mappers["oidc-audience-mapper"]
    assert (audience["access.token.claim"], audience["id.token.claim"]) == ("true", "false")
    documented = (COMPOSE.parent / "docs" / "auth.md").read_text()
    assert f"KEYCLOAK_AUDIENCE={audience['included.custom.audience']}" in documented


def test_C17_somebody_is_told_of_a_process_that_does_not_know_the_revoked_tokens() -> None:
    """By Prometheus, of the metric that there is, beyond what is bearable."""
    names = [metric.name for metric in BEHIND.collect()]
    alerts = (COMPOSE / "prod" / "alerts.yml").read_text()
    assert [f"expr: {name} > {BEARABLE:.0f}\n" in alerts for name in names] == [True]


def test_every_password_begins_with_a_letter() -> None:
    """Else nats-server may read it as a number, and not start: one in sixty-four begins with "-"."""
    made = [_parsed("\n".join(secret_lines(processes()))) for _ in range(10)]
    passwords = [value for one in made for name, value in one.items() if name.endswith("_PASSWORD")]
    assert [one for one in passwords if not one[0].isalpha()] == []


@pytest.mark.parametrize("name", services())
async def test_a_service_starts_with_the_secrets(crm: Command, name: str) -> None:
    """Its settings take the keys and the shared secret as they are printed."""
    made = _parsed((await crm("secrets")).out)
    kind = service_named(name).settings
    told = {variable.lower(): value for variable, value in made.items()}
    settings = kind.model_validate(
        {setting: told[setting] for setting in kind.model_fields if setting in told}
        | {"database_url": "host=postgres", "service_private_key": made[f"{name.upper()}_PRIVATE_KEY"]}
    )
    assert settings.signer(name) is not None
    assert settings.authenticator(name) is not None


async def test_a_serving_service_is_healthy(crm: Command) -> None:
    """The exit code is what containers read."""
    async with running(CLIENTS) as mesh:
        port = mesh.address("clients").rpartition(":")[2]
        asked = await crm.where(GRPC_PORT=port)("health", "clients")
        assert (asked.code, asked.out) == (0, "clients is SERVING\n")
        async with mesh.without("clients"):
            asked = await crm.where(GRPC_PORT=port)("health", "clients")
    assert (asked.code, asked.out) == (1, "clients is not SERVING\n")


async def test_a_gateway_is_healthy_while_it_answers(crm: Command) -> None:
    """Whatever is behind it: a container that waits for others is not started again."""
    async with running(GATEWAY) as mesh:
        port = mesh.address("gateway").rpartition(":")[2]
        asked = await crm.where(GATEWAY_PORT=port)("health", "gateway")
        assert (asked.code, asked.out) == (0, "gateway is SERVING\n")
    asked = await crm.where(GATEWAY_PORT=port)("health", "gateway")
    assert (asked.code, asked.out) == (1, "gateway is not SERVING\n")


async def test_a_service_is_asked_where_it_is_said_to_listen(crm: Command) -> None:
    """Whatever its setting says: so containers do it, without loading the service."""
    async with running(CLIENTS) as mesh:
        asked = await crm.where(GRPC_PORT="1")("health", "clients", "--at", mesh.address("clients"))
        async with mesh.without("clients"):
            again = await crm("health", "clients", "--at", mesh.address("clients"))
    assert (asked.out, again.out) == ("clients is SERVING\n", "clients is not SERVING\n")


async def test_an_edge_is_asked_at_its_url(crm: Command) -> None:
    """An answer that is no success is none."""
    async with running(GATEWAY) as mesh:
        url = f"http://{mesh.address('gateway')}"
        asked = [
            (await crm("health", "gateway", "--at", f"{url}{path}")).code for path in (LIVENESS, "/nowhere")
        ]
    assert asked == [0, 1]


def test_containers_ask_without_loading_the_kernel() -> None:
    """Twenty of them do, twice a minute: with the kernel that would keep a processor busy."""
    script = "import sys, crm_cli.main, crm_cli.probes; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = {"sqlalchemy", "psycopg", "nats", "service_kit", "pydantic", "rich.console", "httpx"}
    assert heavy & set(loaded.stdout.split()) == set()


@pytest.mark.parametrize("stack", ["dev", "prod"])
@pytest.mark.parametrize("name", processes())
def test_a_container_asks_its_own_process(stack: str, name: str) -> None:
    """At the port at which it listens there."""
    process = process_named(name)
    address = f"localhost:{process.port}"
    address = f"http://{address}{LIVENESS}" if isinstance(process, Edge) else address
    told = (COMPOSE / stack / "services.yml").read_text()
    assert f'["CMD", "crm", "health", "{name}", "--at", "{address}"]' in told


async def test_an_unknown_service_gets_a_sentence(crm: Command) -> None:
    """With the names that exist."""
    asked = await crm("health", "clint")
    assert (asked.code, asked.out) == (1, "")
    told, _, names = asked.err.partition("; there are: ")
    assert (told, "clients" in names.split(", ")) == ("crm: there is no service 'clint'", True)
