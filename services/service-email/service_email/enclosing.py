"""What the mail of a message carries, complete when it is to be sent (R5, R25).

What is fetched is stored before the mail leaves, so that all attempts carry the same bytes.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from db_utils import Scope, failpoint, within
from grpc_utils import Peers

from service_email import attempts
from service_email.document_pieces import downloaded
from service_email.mime import Piece
from service_email.pieces import INTROUVABLE, LARGEST, TROP_VOLUMINEUX, PieceNotYet, invoice_pdf
from service_email.queue import Job, Queue
from service_email.transports import DeliveryFailure

_TOGETHER = 30.0  # seconds for all documents: with a token and the sending they end within the lease
_LOST = "CONTENU_EFFACE"  # only a message that nobody may send again has lost what it carried (R17)


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A job with the attachments of its message; *remark* says why it has none."""

    job: Job
    pieces: Sequence[Piece]
    remark: str = ""


async def enclosed(queue: Queue, peers: Peers, job: Job) -> Enclosed:
    """The message of *job* with its attachments, fetched unless they are stored already.

    Raises DeliveryFailure, and VersionConflict when the lease has ended.
    """
    message = job.message
    stored = await queue.contents(message) if message.pieces_jointes else {}
    with within(Scope(message.organisation_id)):
        if message.facture_id is not None and not stored:
            return await _with_invoice(queue, peers, job)
        fetched = await _in_time(_documents(peers, job, stored))
    if fetched:
        job = await queue.attach(job, fetched)
        failpoint("delivery.after_attach")
    return Enclosed(job, [piece for _, piece in sorted((stored | fetched).items())])


async def _in_time(fetching: Awaitable[dict[int, Piece]]) -> dict[int, Piece]:
    try:
        async with asyncio.timeout(_TOGETHER):
            return await fetching
    except TimeoutError as error:
        raise DeliveryFailure("Un document n'est pas encore disponible : DEADLINE_EXCEEDED") from error


async def _documents(peers: Peers, job: Job, stored: Mapping[int, Piece]) -> dict[int, Piece]:
    """The documents of the message that are not stored yet, by their places among its attachments."""
    fetched: dict[int, Piece] = {}
    left = LARGEST - sum(len(piece.contenu) for piece in stored.values())
    for rang, entry in enumerate(job.message.pieces_jointes):
        if rang in stored:
            continue
        if not entry.get("piece_jointe_id"):
            raise DeliveryFailure(_LOST, permanent=True)
        try:
            fetched[rang] = await downloaded(peers, entry, left)
        except PieceNotYet as error:
            raise DeliveryFailure(f"Un document n'est pas encore disponible : {error.reason}") from error
        left -= len(fetched[rang].contenu)
    if left < 0:
        raise DeliveryFailure(TROP_VOLUMINEUX, permanent=True)
    return fetched


async def _with_invoice(queue: Queue, peers: Peers, job: Job) -> Enclosed:
    message = job.message
    try:
        piece = await invoice_pdf(message, peers)
    except PieceNotYet as error:
        if message.tentatives < attempts.MOST_ATTEMPTS:
            raise DeliveryFailure(f"La facture n'est pas encore disponible : {error.reason}") from error
        return await _without_invoice(queue, job, error.reason)
    if piece is None:
        return await _without_invoice(queue, job, INTROUVABLE)
    job = await queue.attach(job, {0: piece})
    failpoint("delivery.after_attach")
    return Enclosed(job, [piece])


async def _without_invoice(queue: Queue, job: Job, reason: str) -> Enclosed:
    remark = f"Envoyé sans la facture en pièce jointe : {reason}"
    return Enclosed(await queue.unattached(job), [], remark)
