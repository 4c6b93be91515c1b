"""Log lines: one JSON object each on standard output, the same from every library."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog
from db_utils import context
from grpc_utils.telemetry import log_calls_to
from trace_utils import trace_id


def _add_correlations(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    correlation = context.correlation_id.get()
    if correlation:
        event.setdefault("correlation_id", correlation)
    if trace := trace_id():
        event.setdefault("trace_id", trace)
    return event


def configure(service: str, level: str) -> None:
    """Set up structlog and the standard library for *service*: JSON lines from *level* up."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _add_correlations,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _service(service)],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    log_calls_to(sys.stdout.buffer if root.isEnabledFor(logging.INFO) else None)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole addresses
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells of each table of each font


def _service(name: str) -> Any:
    def add(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", name)
        return event

    return add
