"""Idempotency keys of invoices and avoirs (C21): the row of an earlier request with the same key.

The key is locked before a number is taken, so that a repetition takes none.
"""

from db_utils import Reader, Transaction
from google.protobuf.message import Message
from grpc_utils import content_hash
from grpc_utils.errors import CleIdempotenceReutilisee
from sqlalchemy import bindparam, select

from service_factures.models import Facture

_BY_KEY = select(Facture).where(
    Facture.type == bindparam("type"), Facture.idempotency_key == bindparam("cle")
)


async def made_before(reader: Reader, kind: str, key: str, request: Message) -> Facture | None:
    """What an earlier request with *key* made. Raises CleIdempotenceReutilisee for another content."""
    if not key:
        return None
    stored = await reader.one(_BY_KEY, type=kind, cle=key)
    if stored is not None and stored.contenu_hash != content_hash(request):
        raise CleIdempotenceReutilisee
    return stored


async def made_meanwhile(
    tx: Transaction, kind: str, key: str, request: Message, organisation_id: str
) -> Facture | None:
    """The same, once no other transaction is at work under *key*. Raises CleIdempotenceReutilisee."""
    if not key:
        return None
    await tx.lock("cle", organisation_id, kind, key)
    return await made_before(tx, kind, key, request)
