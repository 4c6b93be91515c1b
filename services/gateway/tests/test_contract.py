"""Contract of the HTTP edge: it names every endpoint and every status, and the gateway keeps it."""

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
    """The contract as programs read it."""
    return dict((await edge.get(CONTRACT)).json())


def operations(contract: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Operations of the contract by path and method."""
    paths = contract["paths"].items()
    return {(path, name.upper()): one for path, methods in paths for name, one in methods.items()}


async def test_it_names_every_endpoint(contract: dict[str, Any]) -> None:
    """Each endpoint has one operation, with an id for generated clients and a line for people."""
    known = operations(contract)
    assert {*known} == {(path, policy.method) for path, policy in TOLD.items()}
    assert len({one["operationId"] for one in known.values()}) == len(known)
    assert all(one["summary"] and one["tags"] for one in known.values())


async def test_it_tells_every_status_and_no_other(contract: dict[str, Any]) -> None:
    """Each status is in the contract; no default and no 422 of FastAPI is."""
    for operation in operations(contract).values():
        statuses = {*operation["responses"]}
        assert {"431", "500", "503", "504"} <= statuses
        assert not statuses & {"default", "422"}


@pytest.mark.parametrize("path", [path for path, policy in TOLD.items() if policy.caller])
async def test_it_tells_who_must_prove_himself(contract: dict[str, Any], path: str) -> None:
    """Each endpoint that needs a proof names the kind: a user or a service."""
    (operation,) = contract["paths"][path].values()
    assert operation["security"] == [{POLICIES[path].caller: []}]
    assert {"401", "403", "429"} <= {*operation["responses"]}


@pytest.mark.parametrize("policy", [pytest.param(one, id=path) for path, one in TOLD.items() if one.body])
async def test_G2_it_tells_how_large_a_body_may_be(contract: dict[str, Any], policy: Policy) -> None:
    """Size in KiB and types of a body are in the contract, where it is sent and refused."""
    (path,) = [path for path, one in TOLD.items() if one is policy]
    operation = contract["paths"][path]["post"]
    size = f"{policy.largest_body // 1024} KiB"
    assert size in operation["requestBody"]["description"]
    assert size in operation["responses"]["413"]["description"]
    assert {*operation["requestBody"]["content"]} == policy.body
    assert "415" in operation["responses"]


async def test_G3_problems_are_told_alike(contract: dict[str, Any]) -> None:
    """Problems are JSON or the page of a pop-up; those that ask to wait have Retry-After."""
    for (path, _), operation in operations(contract).items():
        for status, answer in operation["responses"].items():
            assert "X-Correlation-Id" in answer["headers"]
            if status >= "400":
                assert {*answer["content"]} == {HTML if path.endswith("google/callback") else JSON}
            if status == "429":
                assert "Retry-After" in answer["headers"]


async def test_its_providers_are_those_of_integrations(anne: Person) -> None:
    """The closed list of providers equals the one that integrations keeps."""
    answer = await anne.ask("GET", "/providers")
    assert {one["code"] for one in answer.json()["providers"]} == {*PROVIDERS}


async def schemathesis(mesh: Mesh, folder: Path, *options: str, **known: Any) -> tuple[int | None, str]:
    """Run schemathesis against the gateway of *mesh*: its exit code, 0 if all is well, and its output.

    It sends requests inside and outside of the contract, the same each time; *options* choose
    endpoints, *known* is passed to `contract_hooks.py`.
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
    """Requests of the contract are taken, others refused, and each answer is one of the contract."""
    known = {"credentials": jeanne.credentials, "service": proof(mesh)}
    code, said = await schemathesis(mesh, tmp_path, "--exclude-tag=integrations", **known)
    assert code == 0, said


async def test_integrations_keep_it(connections: Mesh, tmp_path: Path) -> None:
    """The endpoints of integrations keep the contract, with the providers switched on."""
    code, said = await schemathesis(
        connections, tmp_path, "--include-tag=integrations", service=proof(connections, "integrations")
    )
    assert code == 0, said
