"""Whether a process traces, by the standard variables of OpenTelemetry and nothing else.

An exporter that is named (OTEL_TRACES_EXPORTER) or an address to send to (OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) switches tracing on; OTEL_SDK_DISABLED=true or the exporter `none`
keeps it off. An empty variable is as one that is not set.
"""

from collections.abc import Mapping
from typing import Final

OTLP, CONSOLE, NONE = "otlp", "console", "none"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def exporters(environment: Mapping[str, str]) -> list[str]:
    """The names of the exporters that *environment* asks for, without `none`."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    given = environment.get("OTEL_TRACES_EXPORTER", "")
    default = OTLP if any(environment.get(name) for name in _ENDPOINTS) else ""
    names = dict.fromkeys(name.strip() for name in (given or default).split(","))
    return [name for name in names if name and name != NONE]


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether *environment* switches tracing on."""
    return bool(exporters(environment))
