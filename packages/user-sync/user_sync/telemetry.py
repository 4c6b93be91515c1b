"""Telemetry of the synchronisation: a line and two measurements each time, and the length of the queue."""

import hashlib
import logging
import time
from typing import Literal

from grpc_utils.telemetry import masked
from prometheus_client import Counter, Gauge, Histogram

from user_sync.rules import Personne

_log = logging.getLogger(__name__)

USER_SYNC_TOTAL = Counter("user_sync_total", "Synchronisations of users.", ["service", "result"])
USER_SYNC_SECONDS = Histogram("user_sync_seconds", "Duration of synchronisations.", ["service"])
USER_SYNC_PENDING = Gauge("user_sync_pending", "Sign-ins that users has not been told of yet.", ["service"])

Result = Literal["connu", "evenement", "secours", "en_attente", "refuse", "sans_revendications"]


def note(service: str, result: Result, personne: Personne, started: float) -> None:
    """Record a synchronisation of *personne*, begun at *started* (perf_counter) and ended now."""
    seconds = time.perf_counter() - started
    count(service, result)
    USER_SYNC_SECONDS.labels(service).observe(seconds)
    _log.info(
        "user sync %s: subject %s, email %s, source %s, %.1f ms",
        result,
        hashed(personne.sujet),
        masked(personne.email),
        service,
        seconds * 1000,
    )


def count(service: str, result: Result) -> None:
    """Count a synchronisation, or a call that needed none."""
    USER_SYNC_TOTAL.labels(service, result).inc()


def hashed(subject: str) -> str:
    """Return *subject* as logs may show it: the same each time, and not to be read back."""
    return hashlib.sha256(subject.encode()).hexdigest()[:12]
