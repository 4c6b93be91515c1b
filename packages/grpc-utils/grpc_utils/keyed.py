"""Idempotency keys that are fields of a request, and the content to which all keys are bound (C21).

Such a key is stored in the row that its request made: `Keyed` and `insert_once`. A key in metadata
is stored with the answer to its call, in `idempotency.py`.
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
    """Columns of a table whose rows may carry the idempotency key of the request that made them.

    *contenu_hash* is the hash of that request. Rows without it were made by the service itself,
    under a key of its own, or before keys were bound to contents.
    """

    cle_idempotence: Mapped[str | None] = mapped_column(String(255), default=None)
    contenu_hash: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)


def content_hash(request: Message) -> bytes:
    """A hash of *request*: of its type, its organisation and all of its fields but the key.

    *request* is as its handler got it, with clean texts (C10).
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
    """Write *row*, whose class is `Keyed`, or return the row that an earlier request of its key made.

    Of concurrent transactions one writes and the others wait for its end. A stored row without a
    hash is returned only if *alike*, called with it and *row*, says so. Raises
    CleIdempotenceReutilisee.
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
