"""`crm bench rpc`: calls per second of a service, and the cost of guarding a call."""

import time
from contextlib import ExitStack
from secrets import token_urlsafe
from typing import Any

import grpc
from crm.clients import clients_pb2 as pb
from crm.common.common_pb2 import Pagination
from service_kit.environment import Secrets

from crm_bench import load
from crm_bench.echo import METHOD as ECHO
from crm_bench.echo import Guard, echo
from crm_bench.load import Outcome, Requests, Target
from crm_bench.mesh import BenchMesh, measured_mesh
from crm_bench.report import Report
from crm_bench.requests import CREATE, GET, LIST, Creations, Gets, Lists
from crm_bench.stages import Stages, stages

COLUMNS = ("req/s", "p50 ms", "p95 ms", "p99 ms", "CPU ms/req", "db CPU ms/req", "RSS MiB", "errors")
_OPEN_LOOP_LOAD = 0.5  # of what the closed loop has reached
_KNOWN_PAGES, _PAGE = 10, 100  # clients to ask for by id
_TURNS = 2


def measure(seconds: float, *, baseline: bool, running: bool) -> Report:
    """Measure Create, Get and List of clients, *seconds* each; with *baseline* the bare echo too.

    Against the *running* mesh of this folder, else against one of its own. Raises CommandError.
    """
    report = Report("rpc", COLUMNS)
    with stages(6 + (_TURNS * len(Guard) if baseline else 0)) as progress:
        with measured_mesh(["clients"], running=running) as mesh:
            _Calls(mesh, seconds, progress, report).all()
        if baseline:
            _compare_echoes(seconds, progress, report)
    return report


def known_ids(address: str, token: str) -> tuple[str, ...]:
    """The ids of the newest clients that *token* may see."""
    ids: list[str] = []
    page = Pagination(page_size=_PAGE)
    with grpc.insecure_channel(address) as channel:
        listing: Any = channel.unary_unary(LIST, None, pb.ListClientBasesResponse.FromString)
        for _ in range(_KNOWN_PAGES):
            request = pb.ListClientBasesRequest(pagination=page).SerializeToString()
            listed = listing(request, metadata=(("authorization", f"Bearer {token}"),), timeout=10)
            ids += [client.id for client in listed.clients]
            page.page_token = listed.pagination.next_page_token
            if not page.page_token:
                break
    return tuple(ids)


def add(report: Report, what: str, outcome: Outcome) -> None:
    """Add *outcome* as a row about *what*."""
    report.add(
        what,
        **{
            "req/s": outcome.rate,
            "p50 ms": outcome.percentile(50),
            "p95 ms": outcome.percentile(95),
            "p99 ms": outcome.percentile(99),
            "CPU ms/req": outcome.cpu_ms,
            "db CPU ms/req": outcome.database_cpu_ms,
            "RSS MiB": outcome.rss_mib,
            "errors": ", ".join(f"{count} {code}" for code, count in outcome.errors.items()),
        },
    )


class _Calls:
    def __init__(self, mesh: BenchMesh, seconds: float, progress: Stages, report: Report) -> None:
        self._mesh, self._seconds, self._progress, self._report = mesh, seconds, progress, report
        self._address, self._process = mesh.address("clients"), mesh.process("clients")
        self._token = mesh.token(f"bench-{int(time.time())}")

    def all(self) -> None:
        """Measure each call in a closed loop, then in an open one at half the rate."""
        rate = self._measure("Create", CREATE, Creations(0))
        self._measure("Create", CREATE, Creations(50_000_000), rate * _OPEN_LOOP_LOAD)
        gets = Gets(known_ids(self._address, self._token))
        for name, method, requests in (("Get", GET, gets), ("List (10)", LIST, Lists())):
            rate = self._measure(name, method, requests)
            self._measure(name, method, requests, rate * _OPEN_LOOP_LOAD)

    def _measure(self, name: str, method: str, requests: Requests, rate: float = 0) -> float:
        what = f"{name} at {rate:,.0f}/s" if rate else name
        self._progress.next(what)
        target = Target(self._address, method, self._token)
        outcome = load.run(target, requests, self._seconds, self._process, self._mesh.database, rate=rate)
        add(self._report, what, outcome)
        self._progress.done()
        return outcome.rate


def _compare_echoes(seconds: float, progress: Stages, report: Report) -> None:
    """Measure an empty handler, bare and behind the pipeline, in turns, so that noise hits both alike."""
    secret = token_urlsafe(48)
    token = Secrets(secret).token()
    outcomes: dict[Guard, list[Outcome]] = {guard: [] for guard in Guard}
    with ExitStack() as stack:
        servers = {guard: stack.enter_context(echo(guard, secret)) for guard in Guard}
        for _ in range(_TURNS):
            for guard, server in servers.items():
                progress.next(f"echo, {guard.value}")
                target = Target(server.address, ECHO, token)
                outcomes[guard].append(load.run(target, Gets(("an id",)), seconds / 2, server.process))
                progress.done()
    for guard, measured in outcomes.items():
        add(report, f"echo, {guard.value}", load.together(measured))
    bare, let_in, guarded = (report.figure(f"echo, {guard.value}", "CPU ms/req") for guard in Guard)
    report.comparisons += [
        f"cost of the whole pipeline with a warm token: {guarded / bare - 1:+.0%} CPU over the bare call "
        f"({bare:.3f} → {guarded:.3f} ms)",
        f"cost of authentication alone with a warm token: {(guarded - let_in) / bare:+.0%} of the bare call",
    ]
