"""Messages that calls ask for, stored with their attachments, once per key (R1, R5, R9)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from crm.email import email_pb2 as pb
from db_utils import Reader, Transaction
from grpc_utils import Peers, insert_once
from grpc_utils.errors import Introuvable
from sqlalchemy import bindparam, select

from service_email.departs import BoiteInactive
from service_email.document_pieces import described
from service_email.models import Message
from service_email.new_pieces import NewPiece
from service_email.pieces import content_row
from service_email.rules import request_hash

_OF_KEY = select(Message).where(
    Message.organisation_id == bindparam("organisation"),
    Message.cle_idempotence == bindparam("cle"),
    Message.contenu_hash == bindparam("hash"),
)


async def once(
    reader: Reader, request: pb.SendRequest | pb.SendTemplateRequest, stored: Awaitable[Message]
) -> Message:
    """The message that *stored* makes of *request*, or made of it before.

    A mailbox, document or template that is gone since the first call under a key is no refusal of the second
    one (C21).
    """
    try:
        return await stored
    except (Introuvable, BoiteInactive):
        first = await _first(reader, request) if request.cle_idempotence else None
        if first is None:
            raise
        return first


async def _first(reader: Reader, request: pb.SendRequest | pb.SendTemplateRequest) -> Message | None:
    key = {"organisation": request.organisation_id, "cle": request.cle_idempotence}
    return await reader.one(_OF_KEY, **key, hash=request_hash(request))


async def complete(peers: Peers, pieces: Sequence[NewPiece]) -> list[NewPiece]:
    """*pieces* with what documents tells of those that it keeps. Raises Introuvable."""
    return list(await asyncio.gather(*(_told(peers, piece) for piece in pieces)))


async def _told(peers: Peers, piece: NewPiece) -> NewPiece:
    known = piece.entry.get("piece_jointe_id")
    document = await described(peers, known) if known else None
    if document is None:
        return piece
    told = {"type_mime": document.type_mime, "taille": document.taille}
    return NewPiece({**piece.entry, "nom": piece.entry["nom"] or document.nom_fichier, **told})


async def store(
    tx: Transaction,
    message: Message,
    pieces: Sequence[NewPiece],
    *,
    alike: Callable[[Message, Message], bool] = lambda stored, new: False,
) -> Message:
    """Store *message* with *pieces*, or return the one of its key. Raises CleIdempotenceReutilisee."""
    stored = await insert_once(tx, message, alike=alike)
    if stored is message:
        for rang, piece in enumerate(pieces):
            if piece.contenu is not None:
                await tx.insert(content_row(message, rang, piece.contenu))
    return stored
