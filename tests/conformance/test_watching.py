"""Alerts, dashboard and runbook: about what a running mesh really tells, each alert with what to do."""

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from crm.clients.clients_pb2 import ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from crm.integrations.integrations_pb2 import ListIntegrationsRequest
from crm.integrations.integrations_pb2_grpc import IntegrationServiceStub
from gateway.edge import GATEWAY
from prometheus_client import REGISTRY
from service_kit.registry import services
from service_testing import eventually, running

ROOT = Path(__file__).parents[2]
ALERTS = (ROOT / "compose/prod/alerts.yml").read_text()
TESTED = (ROOT / "compose/prod/alerts.test.yml").read_text()
RUNBOOK = (ROOT / "docs/operations.md").read_text()
PANELS = json.loads((ROOT / "compose/prod/grafana/dashboards/crm.json").read_text())["panels"]
NAMES = re.findall(r"- alert: (\w+)", ALERTS)
_METRIC = re.compile(r"\b(?:crm|http|int|user_sync)_[a-z_]+\b(?:\{[^}]*\})?")
_CRITERION = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_BY_PROMETHEUS = {"job", "instance", "le"}


def expressions() -> Iterator[str]:
    """What alerts and dashboard ask Prometheus."""
    yield re.sub(r"#.*|summary:.*|runbook:.*", "", ALERTS)
    yield from (target["expr"] for panel in PANELS for target in panel.get("targets", ()) if "expr" in target)


SELECTORS = sorted({found for one in expressions() for found in _METRIC.findall(one)})


def is_looked_at(service: str) -> bool:
    """Whether the queues and the consumers of *service* have been looked at."""
    labels = {"service": service, "queue": "outbox"}
    if REGISTRY.get_sample_value("crm_queue_overdue_seconds", labels) is None:
        return False
    consumers = [one.consumer(service) for one in services()[service].subscriptions]
    return None not in [
        REGISTRY.get_sample_value("crm_consumer_ack_pending", {"consumer": one}) for one in consumers
    ]


@pytest.fixture(scope="module")
async def told() -> AsyncIterator[dict[str, list[dict[str, str]]]]:
    """The labels of all samples, by metric, of a mesh that was called a little."""
    named = ("clients", "email", "factures", "payments", "integrations", "commerciaux")
    async with running(*map(services().__getitem__, named), GATEWAY, metrics_port=1) as mesh:
        await mesh.stub(ClientBaseServiceStub).List(ListClientBasesRequest())
        await mesh.stub(IntegrationServiceStub).List(ListIntegrationsRequest())
        async with httpx.AsyncClient() as browser:
            await browser.get(f"http://{mesh.address('gateway')}/healthz")
        for service in named:
            await eventually(partial(is_looked_at, service), timeout=30)
        samples: dict[str, list[dict[str, str]]] = defaultdict(list)
        for family in REGISTRY.collect():
            for sample in family.samples:
                samples[sample.name].append(sample.labels)
        yield samples


@pytest.mark.parametrize("selector", SELECTORS)
def test_what_is_asked_for_is_told(selector: str, told: dict[str, list[dict[str, str]]]) -> None:
    """The metric has samples, the labels that are named, and the values that are named exactly."""
    name, _, criteria = selector.partition("{")
    found = [one for one in _CRITERION.findall(criteria) if one[0] not in _BY_PROMETHEUS]
    exact = {label: value for label, sign, value in found if sign == "="}
    samples = [one for one in told[name] if exact.items() <= one.items()]
    assert samples, name
    assert [label for label, _, _ in found if label not in samples[0]] == []


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_its_entry_in_the_runbook(name: str) -> None:
    """Which says what was seen and what to do; the alert links to it."""
    entry = RUNBOOK.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    assert "*Seen.*" in entry
    assert "*To do.*" in entry
    rule = ALERTS.partition(f"- alert: {name}\n")[2].partition("- alert: ")[0]
    assert f"runbook: docs/operations.md#{name.lower()}\n" in rule


def test_the_runbook_has_entries_of_these_alerts_only() -> None:
    """One that is gone leaves none behind."""
    section = RUNBOOK.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^### (\w+)$", section, re.M)) == sorted(NAMES)


def test_alerts_are_tried_under_their_names() -> None:
    """What `promtool test rules` tries are alerts that there are."""
    assert set(re.findall(r"alertname: (\w+)", TESTED)) <= set(NAMES)
