"""The variables that switch tracing on, and what is left of it while it is off."""

import subprocess
import sys

import pytest
from trace_utils import carried, causes, current_tracer, start_tracing, trace_id, tracer_of, wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_TRACES_EXPORTER": ""}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "false"}, True),
        ({"OTEL_SERVICE_NAME": "clients", "OTEL_TRACES_SAMPLER": "always_on"}, False),
    ],
)
def test_an_exporter_or_an_address_switches_it_on(environment: dict[str, str], on: bool) -> None:
    """Names and samplers alone do not; `none` and the standard's switch keep it off."""
    assert wanted(environment) is on


def test_it_is_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no tracer, nothing is carried on, and nothing belongs to a trace."""
    for name in ("OTEL_TRACES_EXPORTER", *ENDPOINT):
        monkeypatch.delenv(name, raising=False)
    start_tracing("tests")
    assert (tracer_of("clients"), current_tracer(), carried(), list(causes()), trace_id()) == (
        None,
        None,
        {},
        [],
        "",
    )


_SERVING = """
import sys
from service_kit.registry import processes
from trace_utils import start_tracing
processes()
start_tracing("clients")
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""


def test_a_process_that_does_not_trace_imports_no_sdk() -> None:
    """Not with all services and the gateway loaded, whatever these import."""
    ended = subprocess.run(
        [sys.executable, "-c", _SERVING], env={}, capture_output=True, check=True, text=True
    )
    assert ended.stdout == "[]\n"


_FORKING = """
import sys, threading
from trace_utils import import_tracing
import_tracing()
print("opentelemetry.exporter.otlp.proto.http.trace_exporter" in sys.modules, threading.active_count())
"""


def test_what_is_imported_before_a_fork_starts_no_thread() -> None:
    """A child would not have it."""
    command = [sys.executable, "-c", _FORKING]
    ended = subprocess.run(command, env=ENDPOINT, capture_output=True, check=True, text=True)
    assert ended.stdout == "True 1\n"
