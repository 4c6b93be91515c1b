"""Record of each call: one log line, two metrics, a correlation id (C16).

A call only notes its end. Lines and metrics are made from these notes every 50 ms, many at
once, so that no caller waits for them.
"""

import asyncio
import os
import re
import time
from datetime import UTC, datetime
from typing import BinaryIO

import grpc
import orjson
from db_utils import context
from prometheus_client import Counter, Histogram

__all__ = [
    "Calls",
    "log_calls_to",
    "log_request",
    "masked",
    "new_correlation",
]

_SAFE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_INTERVAL = 0.05  # seconds between two flushes
_BASE36, _RANDOM_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz", 7

RPC_TOTAL = Counter("crm_rpc_total", "Calls answered.", ["service", "method", "code"])
RPC_SECONDS = Histogram(
    "crm_rpc_seconds",
    "Duration of calls.",
    ["service", "method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)

# When the call ended (Unix seconds), how long it took (seconds), status, correlation id, caller, trace.
Note = tuple[float, float, grpc.StatusCode, str, str, str]


def new_correlation(service: str) -> str:
    """A new correlation id for work of *service*, such as `cli-1760000000000-0k3x9qz`.

    It consists of the first three letters of *service*, Unix milliseconds, seven random characters.
    """
    number, digits = int.from_bytes(os.urandom(5)), ""
    for _ in range(_RANDOM_DIGITS):
        number, digit = divmod(number, len(_BASE36))
        digits = _BASE36[digit] + digits
    return f"{service[:3]}-{time.time_ns() // 1_000_000}-{digits}"


class Calls:
    """Notes of all calls of one server, whose name is *service*.

    Lines go to the stream given to `log_calls_to`.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._notes: list[tuple[str, Note]] = []

    def correlate(self, given: str) -> str:
        """Set and return the correlation id of this unit of work: *given* if fit for logs, else a new one."""
        correlation = given if _SAFE.fullmatch(given) else new_correlation(self.service)
        context.correlation_id.set(correlation)
        return correlation

    def ended(
        self,
        path: str,
        started: float,
        code: grpc.StatusCode,
        correlation: str,
        caller: str,
        trace: str = "",
    ) -> None:
        """Note that a call of *path*, begun at *started* (perf_counter), has ended now."""
        if not self._notes:
            asyncio.get_running_loop().call_later(_INTERVAL, self.flush)
        duration = time.perf_counter() - started
        self._notes.append((path, (time.time(), duration, code, correlation, caller, trace)))

    def flush(self) -> None:
        """Turn the notes into metrics and log lines now."""
        notes, self._notes = self._notes, []
        for path, (_, duration, code, *_rest) in notes:
            RPC_TOTAL.labels(self.service, path, code.name).inc()
            RPC_SECONDS.labels(self.service, path).observe(duration)
        if _stream is not None and notes:
            _stream.write(b"".join(_line(self.service, path, note) for path, note in notes))
            _stream.flush()


_stream: BinaryIO | None = None


def log_calls_to(stream: BinaryIO | None) -> None:
    """Write a line for every call to *stream*, or none with None."""
    global _stream
    _stream = stream


def log_request(event: str, **fields: object) -> None:
    """Write a line about a request of another protocol to the stream of `log_calls_to`."""
    if _stream is not None:
        line = {"time": _text(time.time()), "level": "info", "event": event, **fields}
        _stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        _stream.flush()


def _text(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds")


def _line(service: str, path: str, note: Note) -> bytes:
    ended_at, duration, code, correlation, caller, trace = note
    line = {
        "time": _text(ended_at),
        "level": "info",
        "event": "rpc",
        "service": service,
        "rpc": path,
        "code": code.name,
        "duration_ms": round(duration * 1000, 2),
        "correlation_id": correlation,
        "caller": masked(caller),
    }
    if trace:
        line["trace_id"] = trace
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def masked(text: str) -> str:
    """*text* as logs may show it: an email address becomes j***@exemple.fr, all else stays (C16)."""
    local, at, domain = text.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else text
