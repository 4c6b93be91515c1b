"""Attempts to hand a file to a platform (R36, R40): each is made once, and its end may stay unknown."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

from db_utils import Scope, clock, within
from service_kit.outgoing import growing

from service_factures.transmission import FlowInfo, Flux, InvoiceTransmission, Refusee

LEASE: Final = timedelta(minutes=10)
"""Time for which nobody else makes an attempt that has begun: longer than any takes."""
LONGEST: Final = timedelta(hours=1)
"""The longest pause, which is that of an account that is refused."""
NO_PORT: Final = timedelta(minutes=5)
"""The pause of a société for which no way out is set."""
ALARMING: Final = timedelta(hours=72)
"""How long something waits before the finance team hears of it."""

_log = logging.getLogger(__name__)


class Owned(Protocol):
    """What belongs to an organisation."""

    @property
    def organisation_id(self) -> str:
        """Whose it is."""
        ...


T = TypeVar("T", bound=Owned)


async def made(owned: Sequence[T], attempt: Callable[[T], Awaitable[None]]) -> list[tuple[T, Exception]]:
    """Make an *attempt* for each of *owned* at one time, in the scope of its organisation.

    A platform that is slow holds up few others, and none that fails does, whatever a library raises:
    what was raised is returned.
    """

    async def scoped(one: T) -> None:
        with within(Scope(one.organisation_id)):
            await attempt(one)

    ends = await asyncio.gather(*map(scoped, owned), return_exceptions=True)
    return [(one, end) for one, end in zip(owned, ends, strict=True) if isinstance(end, Exception)]


async def deposited(port: InvoiceTransmission, fichier: bytes, flow_info: FlowInfo, tentatives: int) -> Flux:
    """Hand over *fichier*, unless one of the earlier *tentatives* has done so and its answer was lost.

    Raises Tardive, NonAutorisee, Refusee.
    """
    if tentatives > 1:
        try:
            found, _ = await port.chercher(tracking_id=flow_info.tracking_id)
        except Refusee as error:  # about the question, not about the file: the deposit will tell
            _log.warning("the platform does not look for %s: %s", flow_info.tracking_id, error)
        else:
            if found:
                return found[0]
    return await port.deposer(fichier, flow_info)


def next_attempt(tentatives: int, asked: timedelta | None) -> datetime:
    """When a file is tried again: later each time, and not before the platform wants it."""
    return clock.now() + min(max(growing(tentatives), asked or timedelta(0)), LONGEST)
