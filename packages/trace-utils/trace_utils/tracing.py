"""The tracing of this process: off, or on from `start_tracing` to `stop_tracing`.

Whoever makes spans asks for a tracer when it is made itself, and leaves the work out where there is
none. `sdk.py` is the other side, imported when tracing is switched on.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Literal, Protocol

from trace_utils.carriers import Carrier
from trace_utils.switch import wanted

Kind = Literal["server", "client", "producer", "consumer", "internal"]
Attributes = Mapping[str, str | int | bool]


class Span(Protocol):
    """A piece of work within a trace, until its `end`."""

    @property
    def carrier(self) -> dict[str, str]:
        """The headers by which work elsewhere continues under this span."""

    def note(self, name: str, value: str | int | bool) -> None:
        """Set the attribute *name*."""

    def fail(self, kind: str) -> None:
        """Mark the work as failed; *kind* is a class or a status, never the text of an error."""

    def end(self) -> None:
        """Note that the work is over."""


class Tracer(Protocol):
    """Makes the spans of one service."""

    def begin(
        self,
        kind: Kind,
        name: str,
        attributes: Attributes,
        parent: Carrier | None = None,
        links: Sequence[Carrier] = (),
    ) -> Span:
        """Begin a span below *parent*, by default below the span that is current; NOWHERE begins a trace."""

    def current(self, span: Span) -> AbstractContextManager[None]:
        """Make *span* the current one inside; it ends with the block."""


class Tracing(Protocol):
    """Tracing that is switched on."""

    def tracer(self, service: str) -> Tracer:
        """The tracer of *service*, the same one at every call."""

    def carried(self) -> dict[str, str]:
        """See `carried`."""

    def trace_id(self) -> str:
        """See `trace_id`."""

    def resume(self, carrier: Carrier) -> None:
        """See `resume`."""

    def stop(self) -> None:
        """Send what has ended and come to rest; blocks."""


_tracing: Tracing | None = None
_process = ""
working: ContextVar[Tracer | None] = ContextVar("working", default=None)  # has made the current span
_parts: ContextVar[list[Carrier] | None] = ContextVar("parts", default=None)  # see `one_commit`
_PATIENCE = 2.0  # seconds that a stop waits for what has not been sent yet


def import_tracing() -> None:
    """Import what `start_tracing` will need, for a parent that forks many processes; it starts nothing."""
    if wanted(os.environ):
        from trace_utils import sdk

        sdk.import_exporters(os.environ)


def start_tracing(process: str) -> None:
    """Trace from now on if the environment says so, in the name of *process* where no service is known.

    To be called after a fork and before services are made: it starts a thread.
    """
    global _tracing, _process
    if wanted(os.environ):
        from trace_utils.sdk import started

        _tracing, _process = started(os.environ), process


async def stop_tracing() -> None:
    """Send the spans that have ended, for two seconds at most, and trace no more."""
    global _tracing
    tracing, _tracing = _tracing, None
    if tracing is not None:
        await _within(tracing.stop, _PATIENCE)


async def _within(work: Callable[[], None], seconds: float) -> None:
    """Run *work* in a thread that keeps no process from its end, and wait for it *seconds* at most."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(over.set)

    threading.Thread(target=run, name="tracing-stop", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            await over.wait()
    except TimeoutError:
        return


def tracer_of(service: str) -> Tracer | None:
    """The tracer of *service*, None while tracing is off."""
    return None if _tracing is None else _tracing.tracer(service)


def current_tracer() -> Tracer | None:
    """The tracer of the service that works now, None while tracing is off."""
    return None if _tracing is None else working.get() or _tracing.tracer(_process)


def carried() -> dict[str, str]:
    """The headers that carry the current trace, none outside a trace."""
    return {} if _tracing is None else _tracing.carried()


@contextmanager
def one_commit() -> Iterator[None]:
    """Have the spans that end inside count as `causes` of what is committed inside after them."""
    token = _parts.set([])
    try:
        yield
    finally:
        _parts.reset(token)


def note_part(carrier: Carrier) -> None:
    """Note that the span of *carrier* has ended."""
    if (parts := _parts.get()) is not None:
        parts.append(carrier)


def causes() -> Sequence[Carrier]:
    """The spans that a commit belongs to: the current one, else those that have ended in its `one_commit`."""
    current = carried()
    return [current] if current else _parts.get() or []


def trace_id() -> str:
    """The id of the current trace, in hexadecimal, "" outside a trace."""
    return "" if _tracing is None else _tracing.trace_id()


def resume(carrier: Carrier) -> None:
    """Continue the trace of *carrier* in this task, or none with NOWHERE."""
    if _tracing is not None:
        _tracing.resume(carrier)
