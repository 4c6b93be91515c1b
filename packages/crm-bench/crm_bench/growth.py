"""`crm bench growth`: latency of the same calls with more and more clients in the table."""

import psycopg

from crm_bench import load
from crm_bench.load import Requests, Target
from crm_bench.mesh import BenchMesh, measured_mesh
from crm_bench.report import Report
from crm_bench.requests import CREATE, GET, LIST, Creations, Gets, Lists, Searches
from crm_bench.rpc import COLUMNS, add, known_ids
from crm_bench.stages import Stages, stages

_SMALLEST = 1_000
_APART = 10_000_000  # phone numbers kept for the creations at one size
_IN_FLIGHT = 8  # latency is looked at, not the most that can be answered
_ORGANISATION = "bench-growth"
_FILL = """
INSERT INTO clients.client_bases
    (id, created_at, updated_at, version, organisation_id, type_client, nom, prenom, nom_cle, prenom_cle,
     compte_code, telephone, telephone_e164, email, statut, date_creation, recherche_cle)
SELECT gen_random_uuid(), instant, instant, 1, %(organisation)s, 'PARTICULIER', 'Banc ' || n, 'Essai',
       'banc ' || n, 'essai', 'B' || n, '0700000000', e164, email, 'ACTIF', instant,
       convert_to(' ' || e164 || E' \\n' || email || E' 0700000000\\nbanc ' || n || ' essai', 'UTF8')
FROM (
    SELECT n, now() - make_interval(secs => n) AS instant, '+337' || lpad(n::text, 8, '0') AS e164,
           'banc' || n || '@exemple.fr' AS email
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
) AS new
"""


def measure(seconds: float, up_to: int) -> Report:
    """Measure Create, Get, List and a search with 1,000 clients, ten times as many, and so on to *up_to*."""
    sizes = [_SMALLEST]
    while sizes[-1] * 10 <= up_to:
        sizes.append(sizes[-1] * 10)
    report = Report("growth", COLUMNS)
    with stages(5 * len(sizes)) as progress, measured_mesh(["clients"], running=False) as mesh:
        for position, size in enumerate(sizes):
            progress.next(f"filling up to {size:,} clients")
            _fill(mesh.state.database_url, sizes[position - 1] + 1 if position else 1, size)
            progress.done()
            _measure(mesh, size, Creations(position * _APART), seconds, progress, report)
    _compare(report, sizes[0], sizes[-1])
    return report


def _compare(report: Report, smallest: int, largest: int) -> None:
    for call in ("Create", "Get", "List (10)"):
        first, last = (report.figure(f"{call}, {size:,} clients", "p50 ms") for size in (smallest, largest))
        report.comparisons.append(
            f"{call}: p50 with {largest:,} clients is {last / first:.2f} × that with {smallest:,}"
        )


def _fill(database_url: str, first: int, last: int) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_FILL, {"organisation": _ORGANISATION, "first": first, "last": last})
        connection.execute("VACUUM (ANALYZE) clients.client_bases")


def _measure(
    mesh: BenchMesh, size: int, creations: Creations, seconds: float, progress: Stages, report: Report
) -> None:
    token = mesh.token(_ORGANISATION)
    gets = Gets(known_ids(mesh.address("clients"), token))
    calls: tuple[tuple[str, str, Requests, int], ...] = (
        ("Create", CREATE, creations, _IN_FLIGHT),
        ("Get", GET, gets, _IN_FLIGHT),
        ("List (10)", LIST, Lists(), _IN_FLIGHT),
        ("Search (nobody)", LIST, Searches("zylberstein"), 1),
    )
    for name, method, requests, in_flight in calls:
        what = f"{name}, {size:,} clients"
        progress.next(what)
        target = Target(mesh.address("clients"), method, token)
        outcome = load.run(
            target, requests, seconds, mesh.process("clients"), mesh.database, in_flight=in_flight
        )
        add(report, what, outcome)
        progress.done()
