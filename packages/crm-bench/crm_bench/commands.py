"""The command line of `crm bench`: parsing here, each benchmark in its module."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crm_bench.report import Report

bench = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Measure this machine. Needs nothing that runs: a mesh of its own, in a temporary folder.",
)

Seconds = Annotated[float, typer.Option(min=0.1, help="Duration of each measurement.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file too.")]
Baseline = Annotated[bool, typer.Option(help="Measure what the figures are compared with, too.")]
Running = Annotated[
    bool, typer.Option("--running", help="Measure the mesh that runs here; it keeps the clients created.")
]


@bench.command()
def rpc(
    seconds: Seconds = 5, json_file: JsonFile = None, baseline: Baseline = True, running: Running = False
) -> None:
    """Calls per second, latency and cost of Create, Get and List.

    64 calls under way over 8 connections from processes of their own, then an open loop at
    half the rate. The baseline is a bare grpc.aio handler. Takes about 80 s.
    """
    from crm_bench.rpc import measure

    _show(measure(seconds, baseline=baseline, running=running), json_file)


@bench.command("events")
def bench_events(
    seconds: Seconds = 10,
    count: Annotated[int, typer.Option("--events", min=100, help="Events of each measurement.")] = 50_000,
    backlog: Annotated[int, typer.Option(min=100, help="Events of the backlog.")] = 100_000,
    json_file: JsonFile = None,
    baseline: Baseline = True,
) -> None:
    """Throughput of relay and subscriber, and lag from commit to effect.

    Counts that every event had its effect once. The baseline publishes and handles one
    message at a time, each in a transaction. Takes about 90 s.
    """
    from crm_bench.events import measure

    _show(measure(seconds, count, backlog, baseline=baseline), json_file)


@bench.command()
def auth(
    seconds: Annotated[float, typer.Option(min=0.1, max=30, help="Duration of each measurement.")] = 10,
    json_file: JsonFile = None,
) -> None:
    """Sign-ins per second, and what proving a token costs next to a bare call.

    Eight people sign in at a time; the processor time is that of users, which checks the
    passwords. Takes about 40 s.
    """
    from crm_bench.auth import measure

    _show(measure(seconds), json_file)


@bench.command()
def integrations(
    seconds: Annotated[float, typer.Option(min=0.1, max=30, help="Duration of each measurement.")] = 5,
    json_file: JsonFile = None,
) -> None:
    """Latency of lists and of beginning a connection, and of refreshing a hundred accounts at once.

    Against providers of its own that take 50 ms for each answer. Takes about 40 s.
    """
    from crm_bench.integrations import measure

    _show(measure(seconds), json_file)


@bench.command()
def invoices(
    seconds: Seconds = 5,
    documents: Annotated[int, typer.Option(min=4, help="Invoices with documents.")] = 10_000,
    json_file: JsonFile = None,
) -> None:
    """Invoices of one société issued per second, and the time and memory that their documents take.

    One and 64 calls under way, without documents; then invoices whose documents are made in the
    background. Takes a minute, and about 15 for 10,000 documents.
    """
    from crm_bench.invoices import measure

    _show(measure(seconds, documents), json_file)


@bench.command()
def payments(
    lines: Annotated[int, typer.Option(min=1, max=20_000, help="Debits, and lines of each report.")] = 10_000,
    invoices: Annotated[bool, typer.Option(help="Emit debits of invoices, too.")] = True,
    json_file: JsonFile = None,
) -> None:
    """Time, processor time and memory of an emission run, and of the import of reports of a bank.

    A run without invoices and one with, whose invoices are read first; a report that settles each
    debit, and one that returns each with a fee. Takes about three minutes for 10,000 debits.
    """
    from crm_bench.payments import measure

    _show(measure(lines, invoices=invoices), json_file)


@bench.command()
def start(
    warm: Annotated[int, typer.Option(min=0, help="Starts after the first one.")] = 2,
    json_file: JsonFile = None,
) -> None:
    """Time until all services are SERVING, cold and warm, and their memory.

    Takes about 20 s.
    """
    from crm_bench.start import measure

    _show(measure(warm), json_file)


@bench.command()
def growth(
    seconds: Seconds = 3,
    up_to: Annotated[int, typer.Option(min=1_000, help="Clients in the largest table.")] = 1_000_000,
    json_file: JsonFile = None,
) -> None:
    """Latency of Create, Get, List and a search with 1,000 to 1,000,000 clients.

    The search finds nobody, so it reads all clients, and one is under way at a time. Takes
    about three minutes.
    """
    from crm_bench.growth import measure

    _show(measure(seconds, up_to), json_file)


def _show(report: "Report", json_file: Path | None) -> None:
    print(report.text())
    if json_file is not None:
        report.write(json_file)
