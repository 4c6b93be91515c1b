"""Traces of the mesh: spans, and the headers by which a trace goes on in another process.

Off until the environment switches them on (`switch.py`); then nothing of OpenTelemetry is imported and
`tracer_of` returns None.
"""

from trace_utils.carriers import NOWHERE, Carrier, checked
from trace_utils.switch import wanted
from trace_utils.tracing import (
    Attributes,
    Kind,
    Span,
    Tracer,
    carried,
    causes,
    current_tracer,
    import_tracing,
    one_commit,
    resume,
    start_tracing,
    stop_tracing,
    trace_id,
    tracer_of,
)

__all__ = [
    "NOWHERE",
    "Attributes",
    "Carrier",
    "Kind",
    "Span",
    "Tracer",
    "carried",
    "causes",
    "checked",
    "current_tracer",
    "import_tracing",
    "one_commit",
    "resume",
    "start_tracing",
    "stop_tracing",
    "trace_id",
    "tracer_of",
    "wanted",
]
