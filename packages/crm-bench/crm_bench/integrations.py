"""`crm bench integrations`: lists, beginnings, and a batch of refreshes against providers of 50 ms."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import grpc
import uvloop
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import IntegrationServiceStub
from crm_cli.keys import secrets_of
from grpc_utils import Peers, ServiceSigner
from service_testing.oauth import oauth_provider
from service_testing.oidc import browse

from crm_bench import load
from crm_bench.children import child
from crm_bench.load import Requests, Target
from crm_bench.mesh import BenchMesh, measured_mesh
from crm_bench.report import Figure, Report
from crm_bench.rpc import COLUMNS, add
from crm_bench.stages import Stages, stages

LIST = "/integrations.IntegrationService/List"
BATCH = "/integrations.TokenService/BatchRefresh"
INITIATE = "/integrations.IntegrationService/InitiateOAuth"
_PROVIDER_DELAY = 0.05  # seconds that the provider takes for an answer
_ACCOUNTS, _BATCHES, _AT_ONCE = 100, 3, 5
_IN_FLIGHT = 8
_PATIENCE = 60.0
_ORIGIN = "https://banc.exemple.fr"
# What the service promises, in milliseconds at the 95th percentile.
_TARGETS = {"List, in memory": 10, "List, not in memory": 100, "InitiateOAuth": 200}


@dataclass(frozen=True, slots=True)
class KnownLists:
    """Lists of the same few users, again and again."""

    def __call__(self, number: int) -> bytes:
        """Return the request of one of the users."""
        return pb.ListIntegrationsRequest(user_id=_user(number % _ACCOUNTS)).SerializeToString()


@dataclass(frozen=True, slots=True)
class NewLists:
    """Lists of users, each asked for the first time."""

    def __call__(self, number: int) -> bytes:
        """Return the request of another user."""
        return pb.ListIntegrationsRequest(user_id=f"nouveau-{number}").SerializeToString()


@dataclass(frozen=True, slots=True)
class Beginnings:
    """Connections that are begun and never completed."""

    def __call__(self, number: int) -> bytes:
        """Return the request that begins a connection."""
        return pb.InitiateOAuthRequest(user_id=f"nouveau-{number}", provider="google").SerializeToString()


def measure(seconds: float) -> Report:
    """Measure each call for *seconds*, then batches of a hundred refreshes. Raises CommandError."""
    report = Report("integrations", COLUMNS)
    with (
        stages(len(_TARGETS) + 1) as progress,
        _providers() as settings,
        measured_mesh(("integrations",), running=False, **settings) as mesh,
    ):
        asyncio.run(_connect(mesh))
        calls: tuple[tuple[str, Requests], ...] = (
            (LIST, KnownLists()),
            (LIST, NewLists()),
            (INITIATE, Beginnings()),
        )
        for what, (method, requests) in zip(_TARGETS, calls, strict=True):
            progress.next(what)
            target = Target(mesh.address("integrations"), method, _token(mesh))
            process = mesh.process("integrations")
            add(
                report,
                what,
                load.run(target, requests, seconds, process, mesh.database, in_flight=_IN_FLIGHT),
            )
            progress.done()
        _measure_batches(mesh, progress, report)
    _compare(report)
    return report


def _user(number: int) -> str:
    return f"banc-{number}"


@contextmanager
def _providers() -> Iterator[dict[str, str]]:
    """Return the settings that send the service to a process of ours instead of the providers."""
    process, pipe = child(_provide)
    try:
        told = {name.upper(): str(value) for name, value in pipe.recv().items()}
        yield told | {"INTEGRATIONS_REDIRECT_ORIGINS": _ORIGIN}
    finally:
        process.terminate()
        process.join()


def _provide(pipe: Connection) -> None:
    uvloop.run(_provide_for_ever(pipe))


async def _provide_for_ever(pipe: Connection) -> None:
    async with oauth_provider() as provider:
        provider.delay = _PROVIDER_DELAY
        pipe.send(provider.settings())
        await asyncio.Event().wait()


def _signer(mesh: BenchMesh) -> ServiceSigner:
    return ServiceSigner("gateway", secrets_of(mesh.home).keys["gateway"].private)


def _token(mesh: BenchMesh) -> str:
    return _signer(mesh).token("integrations", None)


async def _connect(mesh: BenchMesh) -> None:
    """Connect an account for each of the users."""
    peers = Peers({"integrations": mesh.address("integrations")}, _signer(mesh))
    stub: Any = peers.stub(IntegrationServiceStub)
    turns = asyncio.Semaphore(_IN_FLIGHT)

    async def connect(user_id: str) -> None:
        async with turns:
            begin = pb.InitiateOAuthRequest(user_id=user_id, provider="google")
            back = await browse((await stub.InitiateOAuth(begin, timeout=_PATIENCE)).auth_url)
            came = pb.HandleCallbackRequest(provider="google", code=back["code"], state=back["state"])
            await stub.HandleCallback(came, timeout=_PATIENCE)

    await asyncio.gather(*(connect(_user(number)) for number in range(_ACCOUNTS)))
    await peers.close()


def _measure_batches(mesh: BenchMesh, progress: Stages, report: Report) -> None:
    progress.next(_BATCH)
    request = pb.BatchRefreshRequest(
        requests=[
            pb.RefreshRequest(user_id=_user(number), provider="google", account_id="compte-1")
            for number in range(_ACCOUNTS)
        ]
    )
    took: list[float] = []
    failures = 0
    with grpc.insecure_channel(mesh.address("integrations")) as channel:
        ask: Any = channel.unary_unary(BATCH, None, pb.BatchRefreshResponse.FromString)
        for _ in range(_BATCHES):
            proof = (("authorization", f"Bearer {_token(mesh)}"),)
            started = time.monotonic()
            answer = ask(request.SerializeToString(), metadata=proof, timeout=_PATIENCE)
            failures += len(answer.echecs)
            took.append(time.monotonic() - started)
    figures: dict[str, Figure] = {
        "req/s": _ACCOUNTS * _BATCHES / sum(took),
        "p50 ms": statistics.median(took) * 1000,
        "p99 ms": max(took) * 1000,
        "errors": str(failures or ""),
    }
    report.add(_BATCH, **figures)
    report.comparisons.append(
        f"a batch of {_ACCOUNTS} refreshes, {_AT_ONCE} at a time of {_PROVIDER_DELAY * 1000:.0f} ms each: "
        f"{min(took):.2f} to {max(took):.2f} s "
        f"(no less than {_ACCOUNTS / _AT_ONCE * _PROVIDER_DELAY:.1f} s are possible)"
    )
    progress.done()


_BATCH = f"BatchRefresh of {_ACCOUNTS}"


def _compare(report: Report) -> None:
    for what, target in _TARGETS.items():
        measured = report.figure(what, "p95 ms")
        judged = "within" if measured <= target else "beyond"
        report.comparisons.append(f"{what}: p95 {measured:.1f} ms, {judged} the target of {target} ms")
