"""`crm bench invoices`: invoices issued per second, and their documents in the background at flat memory."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import psycopg
from crm.clients.clients_pb2 import CreateAdresseRequest, CreateClientBaseRequest
from crm.clients.clients_pb2_grpc import AdresseServiceStub, ClientBaseServiceStub
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub

from crm_bench import load, meters
from crm_bench.load import IN_FLIGHT, Outcome, Target
from crm_bench.mesh import BenchMesh, measured_mesh
from crm_bench.report import Report
from crm_bench.rpc import COLUMNS, add
from crm_bench.stages import Stages, stages

Headers = tuple[tuple[str, str], ...]
CREATE = "/factures.InvoiceService/Create"
_ISSUING, _DOCUMENTED = "bench-issues", "bench-documents"  # organisations
_AT_ONCE = 8  # issues beside documents
_PATIENCE = 60.0  # seconds for one call on a busy machine
_LONGEST = 5.0  # seconds for one document, on average
_SELLER = pb.SaveFactureSettingsRequest(
    company_name="Banc d'essai",
    company_address="1 rue du Banc",
    code_postal="75002",
    ville="Paris",
    siren="552100554",
    tva_intracom="FR96552100554",
    iban="FR1420041010050500013M02606",
    email="banc@exemple.fr",
)
_MADE = "SELECT count(*) FROM factures.facture_document"
# Documents are made one after the other: the time between two of them is that of the second.
_TIMES = """
SELECT 1 / avg(each), percentile_cont(0.5) WITHIN GROUP (ORDER BY each),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY each)
FROM (
    SELECT extract(epoch FROM genere_at - lag(genere_at) OVER (ORDER BY genere_at))::float AS each,
           row_number() OVER (ORDER BY genere_at) AS place
    FROM factures.facture_document
) AS made
WHERE place > %(after)s AND place <= %(until)s AND each IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Issues:
    """Invoices of one client, each of another amount."""

    client_id: str

    def __call__(self, number: int) -> bytes:
        """Return the request that issues invoice *number*."""
        request = pb.CreateFactureRequest(client_id=self.client_id, montant=1 + number % 99_999 / 100)
        return request.SerializeToString()


def measure(seconds: float, documents: int) -> Report:
    """Measure issues for *seconds* each, then *documents* made in the background. Raises CommandError."""
    report = Report("invoices", COLUMNS)
    with (
        stages(5) as progress,
        measured_mesh(("factures", "clients"), running=False, USER_SYNC_ENABLED="false") as mesh,
    ):
        for in_flight in (1, IN_FLIGHT):
            what = f"issue, {in_flight} in flight"
            progress.next(what)
            add(report, what, _issues(mesh, seconds, in_flight))
            progress.done()
        _Documents(mesh, documents, progress, report).measure()
    return report


def _issues(mesh: BenchMesh, seconds: float, in_flight: int) -> Outcome:
    """Issue invoices whose buyer is in another system, so that no document is made of them."""
    token = mesh.token(_ISSUING)
    asyncio.run(_save_seller(mesh, _headers(token)))
    target = Target(mesh.address("factures"), CREATE, token)
    process = mesh.process("factures")
    return load.run(target, Issues("client-123"), seconds, process, mesh.database, in_flight=in_flight)


def _headers(token: str) -> Headers:
    return (("authorization", f"Bearer {token}"),)


async def _save_seller(mesh: BenchMesh, headers: Headers) -> None:
    async with grpc.aio.insecure_channel(mesh.address("factures")) as factures:
        save: Any = FactureSettingsServiceStub(factures).Save
        await save(_SELLER, metadata=headers, timeout=_PATIENCE)


async def _make_client(mesh: BenchMesh, headers: Headers) -> str:
    """Make a person with an address; the id."""
    person = CreateClientBaseRequest(nom="Banc", prenom="Essai", email="essai@exemple.fr")
    place = CreateAdresseRequest(ligne1="2 rue du Banc", code_postal="75002", ville="Paris", pays="FR")
    async with grpc.aio.insecure_channel(mesh.address("clients")) as clients:
        create: Any = ClientBaseServiceStub(clients).Create
        place.client_base_id = (await create(person, metadata=headers, timeout=_PATIENCE)).id
        add_place: Any = AdresseServiceStub(clients).Create
        await add_place(place, metadata=headers, timeout=_PATIENCE)
    return place.client_base_id


class _Documents:
    def __init__(self, mesh: BenchMesh, count: int, progress: Stages, report: Report) -> None:
        self._mesh, self._count, self._progress, self._report = mesh, count, progress, report
        self._process = mesh.process("factures")
        self._headers = _headers(mesh.token(_DOCUMENTED))

    def measure(self) -> None:
        """Issue invoices whose parties are known, and watch the process until each has its document."""
        self._progress.next(f"issuing {self._count:,} invoices")
        asyncio.run(_save_seller(self._mesh, self._headers))
        requests = Issues(asyncio.run(_make_client(self._mesh, self._headers)))
        before = meters.rss(self._process)
        asyncio.run(self._issue(requests, 1))
        self._wait(1)
        memory = [before, meters.rss(self._process)]
        issued = asyncio.run(self._issue(requests, self._count - 1))
        self._add(f"issue, {_AT_ONCE} in flight, amid documents", issued)
        self._progress.done()
        for until in (self._count // 2, self._count):
            self._progress.next(f"{until:,} documents")
            self._wait(until)
            memory.append(meters.rss(self._process))
            self._progress.done()
        self._add_documents("documents, first half", 1, self._count // 2, memory[2])
        self._add_documents("documents, second half", self._count // 2, self._count, memory[3])
        told = (
            "memory of factures: {:.0f} MiB before the first document, {:.0f} after it, {:.0f} after half of "
        )
        self._report.comparisons.append(told.format(*memory) + f"{self._count:,}, {memory[3]:.0f} after all")

    def _add(self, what: str, issued: Outcome) -> None:
        """Add a row without processor time, which the documents take, too."""
        late = {f"p{percent} ms": issued.percentile(percent) for percent in (50, 95, 99)}
        self._report.add(what, **{"req/s": issued.rate, "RSS MiB": issued.rss_mib} | late)

    def _add_documents(self, what: str, after: int, until: int, rss: float) -> None:
        with self._database() as database:
            row = database.execute(_TIMES, {"after": after, "until": until}).fetchone()
        assert row is not None, "an aggregate has one row"
        rate, middle, late = row
        figures = {"req/s": rate, "p50 ms": middle * 1000, "p95 ms": late * 1000, "RSS MiB": rss}
        self._report.add(what, **figures)

    async def _issue(self, requests: Issues, count: int) -> Outcome:
        """Issue *count* invoices, no more at once than the service has connections to its database."""
        numbers = iter(range(count))
        latencies: list[float] = []
        begun = time.monotonic()
        async with grpc.aio.insecure_channel(self._mesh.address("factures")) as channel:
            create: Any = channel.unary_unary(CREATE)

            async def caller() -> None:
                for number in numbers:
                    since = time.monotonic()
                    await create(requests(number), metadata=self._headers, timeout=_PATIENCE)
                    latencies.append(time.monotonic() - since)

            await asyncio.gather(*(caller() for _ in range(_AT_ONCE)))
        seconds = time.monotonic() - begun
        return Outcome(seconds, sorted(latencies), Counter(), 0, None, meters.rss(self._process))

    def _wait(self, documents: int) -> None:
        with self._database() as database:

            def made() -> bool:
                row = database.execute(_MADE).fetchone()
                return row is not None and row[0] >= documents

            self._progress.wait(made, _PATIENCE + _LONGEST * documents)

    @contextmanager
    def _database(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self._mesh.state.database_url, autocommit=True) as connection:
            yield connection
