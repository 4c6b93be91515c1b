"""The worker that delivers due messages (R10). Nothing else sends.

Read `queue.py` for the lease under which it works, `attempts.py` for the outcome of an attempt,
`transports.py` for the sending.
"""

import asyncio
import logging
from datetime import timedelta

from db_utils import DatabaseUnavailable, StatementTimeout, failpoint
from grpc_utils.telemetry import masked
from service_kit import App, Worker

from service_email import attempts
from service_email.mime import compose
from service_email.models import Message
from service_email.queue import Job, Queue
from service_email.settings import EmailSettings
from service_email.transports import DeliveryFailure, Transport, transport

_log = logging.getLogger(__name__)

PARALLEL = 10  # mails under way in one worker (R10)
_LOOK_AGAIN = 1.0  # seconds until free places are filled while other deliveries go on


async def deliver(app: App[EmailSettings]) -> None:
    """Deliver due messages, ten at a time; return when nothing is left to do.

    A cancelled worker gives the deliveries under way the grace of the settings to end. Those that do
    not are due again when their lease is over.
    """
    queue, way = Queue(app.database), transport(app.settings)
    under_way: set[asyncio.Task[None]] = set()
    try:
        while True:
            jobs = await _more(queue, busy=len(under_way))
            under_way |= {asyncio.create_task(_attempt(queue, way, job)) for job in jobs}
            if not under_way:
                return
            done, under_way = await asyncio.wait(
                under_way, timeout=_LOOK_AGAIN, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
    finally:
        await _end(under_way, app.settings.shutdown_grace_s)


async def _more(queue: Queue, busy: int) -> list[Job]:
    """Take jobs for the free places.

    While the database is away there are none, as long as deliveries under way keep the worker busy.
    """
    try:
        return await queue.take(PARALLEL - busy)
    except (DatabaseUnavailable, StatementTimeout) as error:
        if not busy:
            raise
        _log.warning("%s: no mail is taken, %d are under way", type(error).__name__, busy)
        return []


async def _end(under_way: set[asyncio.Task[None]], grace: float) -> None:
    if not under_way:
        return
    _, late = await asyncio.wait(under_way, timeout=grace)
    for task in late:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


async def _attempt(queue: Queue, way: Transport, job: Job) -> None:
    """Send the message of *job* once and note the outcome."""
    message = job.message
    try:
        outcome = await _sent(way, message)
    except DeliveryFailure as failure:
        outcome = attempts.failed(message, failure)
    failpoint("delivery.before_note")
    await queue.note(job, outcome)
    _log.info(
        "message %s to %s: %s after attempt %d, reply code %s",
        message.id,
        ", ".join(masked(one["email"]) for one in (*message.a, *message.cc, *message.cci)),
        outcome.statut,
        message.tentatives,
        outcome.code_smtp,
    )


async def _sent(way: Transport, message: Message) -> attempts.Outcome:
    if message.tentatives > attempts.MOST_ATTEMPTS:
        raise DeliveryFailure("each attempt ended with its worker", permanent=True)
    mail = await asyncio.to_thread(compose, message)
    failpoint("delivery.before_send")
    return attempts.delivered(await way.send(mail))


DELIVERY = Worker("delivery", deliver, every=timedelta(seconds=5), exclusive=False, wake_on=Message)
