"""`crm bench`: that it measures and counts; how much it measures is never judged here."""

import json
from collections import Counter
from pathlib import Path

import pytest
from crm_bench.load import Outcome, together
from crm_bench.report import Report
from crm_bench.requests import Creations
from crm_cli.columns import aligned
from service_testing.command import Command


@pytest.fixture
def crm(crm: Command) -> Command:
    """The command, which leaves the processors to tests beside it: a benchmark takes all that it gets."""
    return crm.where(NICENESS="10")


def outcome(*latencies: float, cpu_ms: float = 1.0) -> Outcome:
    """A second in which calls took *latencies* seconds."""
    return Outcome(1.0, sorted(latencies), Counter(), cpu_ms, None, 100.0)


def test_percentiles_are_those_of_the_calls() -> None:
    """In milliseconds, and not a number without any call."""
    measured = outcome(*(number / 1000 for number in range(1, 101)))
    assert [measured.percentile(percent) for percent in (50, 99, 100)] == [51.0, 100.0, 100.0]
    assert outcome().percentile(50) != outcome().percentile(50)


def test_turns_are_put_together_by_their_calls() -> None:
    """Rates over all seconds, processor time over all calls."""
    both = together([outcome(0.1, 0.2, 0.3, cpu_ms=2.0), outcome(0.4, cpu_ms=6.0)])
    assert (both.rate, both.cpu_ms, both.latencies) == (2.0, 3.0, [0.1, 0.2, 0.3, 0.4])


def test_no_two_creations_are_the_same_client() -> None:
    """Otherwise the index of duplicates would refuse what is to be measured."""
    requests = Creations(0)
    assert len({requests(number) for number in range(10_000)}) == 10_000


def test_a_figure_in_no_column_is_a_mistake() -> None:
    """A report shows everything that was measured."""
    with pytest.raises(LookupError, match="req/h"):
        Report("rpc", ("req/s",)).add("Create", **{"req/h": 1})


def test_columns_are_aligned() -> None:
    """Each as wide as its longest text."""
    assert aligned([("a", "bb", ""), ("ccc", "d", "e f")]) == "a    bb\nccc  d   e f"


async def test_calls_are_measured_against_a_mesh_of_its_own(crm: Command, tmp_path: Path) -> None:
    """Create, Get and List, closed and open loop, none refused; JSON beside the table."""
    path = tmp_path / "rpc.json"
    measured = await crm("bench", "rpc", "--seconds", "0.4", "--no-baseline", "--json", str(path))
    assert measured.code == 0, measured.err
    rows = json.loads(path.read_text())["rows"]
    assert [row["what"].split(" at ")[0] for row in rows] == [
        *("Create", "Create", "Get", "Get", "List (10)", "List (10)")
    ]
    assert [row for row in rows if row["errors"] or not row["req/s"] > 0 or not row["CPU ms/req"] > 0] == []
    assert [line.split()[0] for line in measured.out.splitlines()[1:7]] == [
        row["what"].split()[0] for row in rows
    ]


async def test_events_are_measured_and_counted(crm: Command) -> None:
    """Relay, subscriber, known events, backlog, lag and the naive way; each event has one effect."""
    measured = await crm("bench", "events", "--seconds", "0.1", "--events", "100", "--backlog", "100")
    assert (measured.code, "\nexactly once: 220 events, 220 effects of 220" in measured.out) == (0, True)
    assert "subscriber against the naive way" in measured.out


async def test_starts_are_measured_cold_and_warm(crm: Command, tmp_path: Path) -> None:
    """With the memory of the services, and nothing left running."""
    path = tmp_path / "start.json"
    measured = await crm("bench", "start", "--warm", "1", "--json", str(path))
    assert measured.code == 0, measured.err
    rows = json.loads(path.read_text())["rows"]
    assert [row["what"][:4] for row in rows] == ["cold", "warm"]
    assert all(row["services PSS MiB"] > 0 and row["servers PSS MiB"] > 0 for row in rows)


async def test_the_running_mesh_is_measured_only_when_there_is_one(crm: Command) -> None:
    """One sentence otherwise."""
    refused = await crm("bench", "rpc", "--running")
    assert (refused.code, refused.err.splitlines()[-1].startswith("crm: no mesh runs here")) == (1, True)


async def test_signing_in_is_measured_beside_proofs_and_a_bare_call(crm: Command, tmp_path: Path) -> None:
    """Every figure that the comparison needs."""
    path = tmp_path / "auth.json"
    measured = await crm.where(BCRYPT_COST="4")("bench", "auth", "--seconds", "0.3", "--json", str(path))
    content = json.loads(path.read_text())
    assert (measured.code, [row["what"] for row in content["rows"]]) == (
        0,
        [
            "sign-in with a password",
            "bcrypt check of cost 12",
            "bare call",
            "new RS256 token",
            "new HS256 token",
            "known token",
        ],
    )
    assert all(row["req/s"] > 0 for row in content["rows"])
    assert len(content["comparisons"]) >= 3


async def test_integrations_are_measured_against_slow_providers(crm: Command, tmp_path: Path) -> None:
    """Each promise of the service beside its figure, and nothing refused."""
    path = tmp_path / "integrations.json"
    measured = await crm("bench", "integrations", "--seconds", "0.3", "--json", str(path))
    content = json.loads(path.read_text())
    rows = {row["what"]: row for row in content["rows"]}
    calls = ["List, in memory", "List, not in memory", "InitiateOAuth"]
    assert (measured.code, [*rows]) == (0, [*calls, "BatchRefresh of 100"])
    assert [row["errors"] for row in rows.values()] == [""] * 4
    assert rows["BatchRefresh of 100"]["p50 ms"] >= 900  # the providers alone take a second
    assert len(content["comparisons"]) == 4


async def test_invoices_are_measured_with_their_documents(crm: Command, tmp_path: Path) -> None:
    """One by one, many at once, and beside the documents until each invoice has its own.

    A busy machine may refuse a few of the many.
    """
    path = tmp_path / "invoices.json"
    measured = await crm("bench", "invoices", "--seconds", "0.3", "--documents", "6", "--json", str(path))
    assert measured.code == 0, measured.err
    content = json.loads(path.read_text())
    assert [row["what"] for row in content["rows"]] == [
        "issue, 1 in flight",
        "issue, 64 in flight",
        "issue, 8 in flight, amid documents",
        "documents, first half",
        "documents, second half",
    ]
    assert all(row["req/s"] > 0 and row["RSS MiB"] > 0 for row in content["rows"])
    assert content["rows"][0]["errors"] == ""
    assert content["comparisons"][0].startswith("memory of factures: ")


async def test_payments_are_measured_from_the_run_to_the_reports(crm: Command, tmp_path: Path) -> None:
    """Each debit is handed over, settled and returned; otherwise there is no figure."""
    path = tmp_path / "payments.json"
    measured = await crm("bench", "payments", "--lines", "5", "--json", str(path))
    assert measured.code == 0, measured.err
    rows = json.loads(path.read_text())["rows"]
    assert [(row["what"], row["lines"]) for row in rows] == [
        ("emission, without invoices", 5),
        ("emission, with invoices", 5),
        ("import, settlements", 5),
        ("import, returns with fees", 5),
    ]
    assert all(row["seconds"] > 0 and row["RSS MiB after"] > 0 for row in rows)
