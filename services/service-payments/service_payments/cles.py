"""Requests under a key that was used before: answered before anything else is asked or checked (C21)."""

from typing import Any, TypeVar

from db_utils import Reader
from google.protobuf.message import Message
from grpc_utils import content_hash
from grpc_utils.errors import CleIdempotenceReutilisee
from sqlalchemy import bindparam, select

from service_payments.models import Payment, Remboursement

K = TypeVar("K", Payment, Remboursement)


def _named(model: Any) -> Any:
    return select(model).where(
        model.organisation_id == bindparam("organisation_id"), model.cle_idempotence == bindparam("cle")
    )


_STATEMENTS = {model: _named(model) for model in (Payment, Remboursement)}


async def made_before(
    reader: Reader, model: type[K], organisation_id: str, key: str, request: Message
) -> K | None:
    """Return what an earlier request of this *key* made, None if there is none.

    Raises CleIdempotenceReutilisee.
    """
    if not key:
        return None
    known: K | None = await reader.one(_STATEMENTS[model], organisation_id=organisation_id, cle=key)
    if known is not None and known.contenu_hash != content_hash(request):
        raise CleIdempotenceReutilisee
    return known
