"""Attempts to hand a file to a platform (R36, R40): each is made once, and its end may stay unknown."""

import logging
from datetime import datetime, timedelta
from typing import Final

from db_utils import clock
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
