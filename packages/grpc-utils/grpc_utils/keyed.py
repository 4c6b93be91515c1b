"""Idempotency keys and the content that they are bound to (C21).

A key that came as metadata stands with its stored answer, in `idempotency.py`; one that is a
field of the request stands in the row that the request made: `Keyed` and `insert_once`.
"""

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar, cast

from db_utils import Row, Transaction, context
from google.protobuf.message import Message
from sqlalchemy import LargeBinary, String, bindparam, select
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from grpc_utils.errors import CleIdempotenceReutilisee
from grpc_utils.messages import found

R = TypeVar("R", bound=Row)

_KEY_FIELDS = ("cle_idempotence", "idempotency_key")


class Keyed(MappedAsDataclass, kw_only=True, repr=False, eq=False):
    """A table whose rows may carry the key of the request that made them.

    *contenu_hash* is the content of that request. Rows without one were made by the service
    itself, under a key of its own, or before keys were bound to contents.
    """

    cle_idempotence: Mapped[str | None] = mapped_column(String(255), default=None)
    contenu_hash: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)


def content_hash(request: Message) -> bytes:
    """What tells one request from another: its kind, its organisation, all fields but its key.

    *request* is one that a handler got, with clean texts (C10).
    """
    content = type(request)()
    content.CopyFrom(request)
    for field in _KEY_FIELDS:
        if field in content.DESCRIPTOR.fields_by_name:
            content.ClearField(field)
    organisation = context.scope.get().organisation_id or ""
    said = f"{content.DESCRIPTOR.full_name}/{organisation}/".encode()
    return hashlib.sha256(said + content.SerializeToString(deterministic=True)).digest()


def _never(stored: Any, row: Any) -> bool:
    return False


async def insert_once(tx: Transaction, row: R, *, alike: Callable[[R, R], bool] = _never) -> R:
    """Write *row*, a `Keyed` one, or find the one that its key has made before.

    Of transactions at once one writes, the others wait for it. A row without a content is the
    answer only when *alike* says so of it and *row*. Raises CleIdempotenceReutilisee.
    """
    new, kind = cast(Any, row), cast(Any, type(row))
    if new.cle_idempotence is None:
        return await tx.insert(row)
    if await tx.insert_if_absent(row):
        return row
    named = (kind.organisation_id == bindparam("organisation"), kind.cle_idempotence == bindparam("cle"))
    place = {"organisation": new.organisation_id, "cle": new.cle_idempotence}
    stored = found(await tx.one(select(kind).where(*named), **place))
    known = stored.contenu_hash
    if known != new.contenu_hash if known is not None else not alike(stored, row):
        raise CleIdempotenceReutilisee
    return cast(R, stored)
