"""The worker that delivers due messages (R10). Nothing else sends.

Read `queue.py` for the lease under which it works, `attempts.py` for the outcome of an attempt,
`transports.py` for the sending.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from db_utils import DatabaseUnavailable, StatementTimeout, VersionConflict, failpoint
from grpc_utils import Peers
from grpc_utils.telemetry import masked
from service_kit import App, Worker

from service_email import attempts
from service_email.enclosing import Enclosed, enclosed
from service_email.mime import compose
from service_email.models import Message
from service_email.queue import Job, Queue
from service_email.settings import EmailSettings
from service_email.transports import DeliveryFailure, Transport
from service_email.ways import Ways

_log = logging.getLogger(__name__)

PARALLEL = 10  # mails under way in one worker (R10)
_LOOK_AGAIN = 1.0  # seconds until free places are filled while other deliveries go on


@dataclass(frozen=True, slots=True)
class _Post:
    """The parts of a worker: where messages come from, how mails leave, who has their attachments."""

    queue: Queue
    ways: Ways
    peers: Peers


@dataclass(frozen=True, slots=True)
class _Ready:
    """A mail to be sent: what it is made of, and the way by which it leaves."""

    letter: Enclosed
    way: Transport


async def deliver(app: App[EmailSettings]) -> None:
    """Deliver due messages, ten at a time; return when nothing is left to do.

    A cancelled worker gives the deliveries under way the grace of the settings to end. Those that do
    not are due again when their lease is over.
    """
    post = _Post(Queue(app.database), app.part(Ways), app.peers)
    under_way: set[asyncio.Task[None]] = set()
    try:
        while True:
            jobs = await _more(post.queue, busy=len(under_way))
            under_way |= {asyncio.create_task(_attempt(post, job)) for job in jobs}
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


async def _attempt(post: _Post, job: Job) -> None:
    """Send the message of *job* once and note the outcome."""
    try:
        ready = await _ready(post, job)
    except VersionConflict:
        _log.warning("message %s: its lease had ended before it was sent", job.message.id)
        return
    except (DatabaseUnavailable, StatementTimeout) as error:
        _log.warning("message %s waits for the end of its lease: %s", job.message.id, type(error).__name__)
        return
    except DeliveryFailure as failure:
        await _note(post, job, attempts.failed(job.message, failure))
        return
    try:
        outcome = await _sent(ready)
    except DeliveryFailure as failure:
        outcome = attempts.failed(job.message, failure)
    failpoint("delivery.before_note")
    await _note(post, ready.letter.job, outcome)


async def _note(post: _Post, job: Job, outcome: attempts.Outcome) -> None:
    message = job.message
    await post.queue.note(job, outcome)
    _log.info(
        "message %s to %s: %s after attempt %d, reply code %s",
        message.id,
        ", ".join(masked(one["email"]) for one in (*message.a, *message.cc, *message.cci)),
        outcome.statut,
        message.tentatives,
        outcome.code_smtp,
    )


async def _ready(post: _Post, job: Job) -> _Ready:
    """The message of *job* with its attachments and its way.

    Raises DeliveryFailure, and VersionConflict when the lease has ended.
    """
    if job.message.tentatives > attempts.MOST_ATTEMPTS:
        raise DeliveryFailure("Chaque essai a été interrompu.", permanent=True)
    letter = await enclosed(post.queue, post.peers, job)
    return _Ready(letter, await post.ways.of(letter.job.message))


async def _sent(ready: _Ready) -> attempts.Outcome:
    letter = ready.letter
    mail = await asyncio.to_thread(compose, letter.job.message, letter.pieces)
    failpoint("delivery.before_send")
    return attempts.delivered(await ready.way.send(mail), letter.remark)


DELIVERY = Worker("delivery", deliver, every=timedelta(seconds=5), exclusive=False, wake_on=Message)
