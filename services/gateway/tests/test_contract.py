"""The contract: that it tells of every endpoint and of all that may be answered, and that both are kept."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway.accounts import PROVIDERS
from gateway.policies import CONTRACT, DOCS, DOCS_FILE, HTML, JSON, POLICIES, Policy
from service_testing import Mesh
from tests.accounts import Person
from tests.visitors import Someone, proof

_BOUNDS = (
    "--phases=coverage,fuzzing",
    "--max-examples=3",
    "--seed=1",
    "--generation-database=none",
    "--no-shrink",
    "--continue-on-failure",
    "--suppress-health-check=all",
    "--warnings=off",
    "--no-color",
)
_UNTOLD = {CONTRACT, DOCS, DOCS_FILE}
TOLD = {path: policy for path, policy in POLICIES.items() if path not in _UNTOLD}


@pytest.fixture
async def contract(edge: httpx.AsyncClient) -> dict[str, Any]:
    """The contract, as programs are told it."""
    return dict((await edge.get(CONTRACT)).json())


def operations(contract: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """What can be done, by path and method."""
    paths = contract["paths"].items()
    return {(path, name.upper()): one for path, methods in paths for name, one in methods.items()}


async def test_it_names_every_endpoint(contract: dict[str, Any]) -> None:
    """Each once, with a name for clients that are made from it and a line for people."""
    known = operations(contract)
    assert {*known} == {(path, policy.method) for path, policy in TOLD.items()}
    assert len({one["operationId"] for one in known.values()}) == len(known)
    assert all(one["summary"] and one["tags"] for one in known.values())


async def test_it_tells_every_status_and_no_other(contract: dict[str, Any]) -> None:
    """Nothing is left to a default, and what FastAPI would answer by itself (422) is not told."""
    for operation in operations(contract).values():
        statuses = {*operation["responses"]}
        assert {"431", "500", "503", "504"} <= statuses
        assert not statuses & {"default", "422"}


@pytest.mark.parametrize("path", [path for path, policy in TOLD.items() if policy.caller])
async def test_it_tells_who_must_prove_himself(contract: dict[str, Any], path: str) -> None:
    """A user or a service; nobody else is answered."""
    (operation,) = contract["paths"][path].values()
    assert operation["security"] == [{POLICIES[path].caller: []}]
    assert {"401", "403", "429"} <= {*operation["responses"]}


@pytest.mark.parametrize("policy", [pytest.param(one, id=path) for path, one in TOLD.items() if one.body])
async def test_G2_it_tells_how_large_a_body_may_be(contract: dict[str, Any], policy: Policy) -> None:
    """In KiB, where it is sent and where it is refused, and of which types it is."""
    (path,) = [path for path, one in TOLD.items() if one is policy]
    operation = contract["paths"][path]["post"]
    size = f"{policy.largest_body // 1024} KiB"
    assert size in operation["requestBody"]["description"]
    assert size in operation["responses"]["413"]["description"]
    assert {*operation["requestBody"]["content"]} == policy.body
    assert "415" in operation["responses"]


async def test_G3_problems_are_told_alike(contract: dict[str, Any]) -> None:
    """In JSON, or as the page of a pop-up; who must wait is told how long."""
    for (path, _), operation in operations(contract).items():
        for status, answer in operation["responses"].items():
            assert "X-Correlation-Id" in answer["headers"]
            if status >= "400":
                assert {*answer["content"]} == {HTML if path.endswith("google/callback") else JSON}
            if status == "429":
                assert "Retry-After" in answer["headers"]


async def test_its_providers_are_those_of_integrations(anne: Person) -> None:
    """A closed list, which only that service keeps."""
    answer = await anne.ask("GET", "/providers")
    assert {one["code"] for one in answer.json()["providers"]} == {*PROVIDERS}


async def schemathesis(mesh: Mesh, folder: Path, *options: str, **known: Any) -> tuple[int | None, str]:
    """Whether the gateway of *mesh* keeps its contract, and what was seen.

    It is sent what the contract allows and what it does not, the same each time; *options* choose
    endpoints, *known* is told to `contract_hooks.py`.
    """
    url = f"http://{mesh.address('gateway')}"
    tokens = [mesh.secrets.token(user=f"contract-{number}") for number in range(40)]
    told = {
        "CONTRACT_CALLERS": json.dumps({"url": url, "tokens": tokens} | known),
        "PYTHONPATH": str(Path(__file__).parent),
        "SCHEMATHESIS_HOOKS": "contract_hooks",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", url + CONTRACT, *options, *_BOUNDS),
        cwd=folder,
        env=os.environ | told,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_the_services_keep_it(mesh: Mesh, jeanne: Someone, tmp_path: Path) -> None:
    """What it allows is taken, what it does not is refused, and each answer is one of those it tells."""
    known = {"credentials": jeanne.credentials, "service": proof(mesh)}
    code, said = await schemathesis(mesh, tmp_path, "--exclude-tag=integrations", **known)
    assert code == 0, said


async def test_integrations_keep_it(connections: Mesh, tmp_path: Path) -> None:
    """Likewise, with the providers switched on."""
    code, said = await schemathesis(
        connections, tmp_path, "--include-tag=integrations", service=proof(connections, "integrations")
    )
    assert code == 0, said
