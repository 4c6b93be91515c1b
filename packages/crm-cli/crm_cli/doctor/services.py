"""Checks of the processes: services are SERVING, edges answer, revoked tokens are known."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import httpx
from grpc_health.v1.health_pb2 import HealthCheckResponse
from service_kit import LIVENESS, READINESS
from service_kit.revocations import BEARABLE, HEALTH

from crm_cli.doctor.findings import Finding, fail, ok
from crm_cli.probes import SERVING, health_at, lives_at

_TIMEOUT = 3.0


def health(addresses: Mapping[str, str], logs: Path) -> Iterator[Finding]:
    """The health of the services at *addresses*, by name; *logs* is the folder of their logs."""
    for name, address in addresses.items():
        subject, log = f"service {name}", f"its log says why: {logs / name}.log"
        try:
            status = health_at(address)
        except grpc.RpcError as error:
            yield fail(subject, f"{address} does not answer ({error.code().name})", f"start it, or {log}")
            continue
        if status == SERVING:
            yield ok(subject, f"{address} is SERVING")
        else:
            state = HealthCheckResponse.ServingStatus.Name(status)
            yield fail(subject, f"{address} is {state}", f"does it reach its database? {log}")


def edges(addresses: Mapping[str, str], logs: Path) -> Iterator[Finding]:
    """Whether the edges at *addresses* answer, as `health`."""
    for name, address in addresses.items():
        if lives_at(f"http://{address}{LIVENESS}"):
            yield ok(name, f"http://{address} answers")
        else:
            yield fail(
                name,
                f"http://{address} does not answer",
                f"start it, or its log says why: {logs / name}.log",
            )


def revocations(services: Mapping[str, str], edges: Mapping[str, str]) -> Finding:
    """Whether the processes at these addresses know which tokens are revoked (C5).

    Processes that do not answer are left out: they let nobody in.
    """
    told = {name: _service_in_step(address) for name, address in services.items()}
    told |= {name: _edge_in_step(address) for name, address in edges.items()}
    behind = [name for name, in_step in told.items() if in_step is False]
    if not behind:
        return ok("revocations", f"{sum(map(bool, told.values()))} processes know the revoked tokens")
    return fail(
        "revocations",
        f"{', '.join(behind)}: for more than {BEARABLE:.0f} s neither the bucket was followed nor auth heard",
        "bring back auth or the broker: until then tokens revoked meanwhile open them",
    )


def _service_in_step(address: str) -> bool | None:
    try:
        return health_at(address, HEALTH) == SERVING
    except grpc.RpcError:
        return None


def _edge_in_step(address: str) -> bool | None:
    try:
        answer = httpx.get(f"http://{address}{READINESS}", timeout=_TIMEOUT)
        return bool(answer.json()["revocations"] == "ok")
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        return None
