"""Tokens that are not good any more: written and announced in one transaction, and listed (R9–R13)."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from crm.auth.auth_pb2 import Revocation
from crm.common import common_pb2
from db_utils import Reader, Transaction, parse_uuid
from db_utils.listing import DEFAULT_SIZE
from grpc_utils import Identity, timestamp
from grpc_utils.errors import JetonDePageInvalide, PageInvalide
from nats_utils import announce_revocation
from sqlalchemy import (
    DateTime,
    String,
    bindparam,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert

from service_auth.models import JetonRevoque, RevocationGlobale
from service_auth.settings import LONGEST_LIFE

LARGEST_PAGE = 1000
_LONGEST_LIFE = timedelta(seconds=LONGEST_LIFE)
_instant: DateTime = DateTime(timezone=True)

_REVOKED = select(
    or_(
        exists().where(JetonRevoque.jti == bindparam("jti", required=True)),
        exists().where(
            RevocationGlobale.utilisateur_id == bindparam("utilisateur_id", required=True),
            RevocationGlobale.avant > bindparam("issued_at", type_=_instant, required=True),
        ),
    )
)
_globale = insert(RevocationGlobale).values(
    utilisateur_id=bindparam("utilisateur_id", required=True),
    avant=bindparam("avant", type_=_instant, required=True),
)
_REVOKE_USER = _globale.on_conflict_do_update(
    index_elements=["utilisateur_id"],
    set_={"avant": func.greatest(RevocationGlobale.avant, _globale.excluded.avant)},
)
_every = union_all(
    select(
        JetonRevoque.revoque_le.label("instant"),
        cast(JetonRevoque.jti, String).label("jti"),
        JetonRevoque.utilisateur_id.label("utilisateur_id"),
        JetonRevoque.expire_le.label("expire_le"),
    ),
    select(
        RevocationGlobale.avant,
        literal(""),
        RevocationGlobale.utilisateur_id,
        cast(null(), _instant),
    ),
).subquery()
_place = tuple_(_every.c.instant, _every.c.jti, _every.c.utilisateur_id)
_former = tuple_(
    bindparam("instant", type_=_instant, required=True),
    bindparam("jti", type_=String(), required=True),
    bindparam("utilisateur_id", type_=String(), required=True),
)
_PAGE = (
    select(_every.c.instant, _every.c.jti, _every.c.utilisateur_id, _every.c.expire_le)
    .where(_every.c.instant > bindparam("depuis", type_=_instant, required=True), _place > _former)
    .order_by(_every.c.instant, _every.c.jti, _every.c.utilisateur_id)
    .limit(bindparam("most", required=True))
)
_START = (datetime.min.replace(tzinfo=UTC), "", "")


@dataclass(frozen=True, slots=True)
class OwnToken:
    """What a token of ours says that its revocation needs."""

    jti: UUID
    utilisateur_id: str
    issued_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, identity: Identity) -> "OwnToken | None":
        """The token behind *identity*, None when it has not the form of ours."""
        jti = parse_uuid(identity.token_id)
        if jti is None:
            return None
        issued, expires = (
            datetime.fromtimestamp(instant, UTC) for instant in (identity.issued_at, identity.expires_at)
        )
        return cls(jti, identity.subject, issued, expires)


async def is_revoked(reader: Reader, token: OwnToken) -> bool:
    """Whether *token*, or all of its user's of that time, are void."""
    return bool(
        await reader.one(
            _REVOKED, jti=token.jti, utilisateur_id=token.utilisateur_id, issued_at=token.issued_at
        )
    )


async def revoke_token(tx: Transaction, token: OwnToken, motif: str) -> bool:
    """End *token* and tell every service once *tx* has committed; False when it had ended before."""
    row = JetonRevoque(
        jti=token.jti, utilisateur_id=token.utilisateur_id, motif=motif, expire_le=token.expires_at
    )
    if not await tx.insert_if_absent(row):
        return False
    announce_revocation(tx, _message(row.revoque_le, str(row.jti), row.utilisateur_id, row.expire_le))
    return True


async def revoke_user(tx: Transaction, utilisateur_id: str, avant: datetime) -> None:
    """End every token of the user issued before *avant*, and tell every service."""
    await tx.execute(_REVOKE_USER, utilisateur_id=utilisateur_id, avant=avant)
    announce_revocation(tx, _message(avant, "", utilisateur_id, None))


async def revoked_since(
    reader: Reader, depuis: datetime, pagination: common_pb2.Pagination
) -> tuple[list[Revocation], str]:
    """A page of the revocations after *depuis*, oldest first, and the token of the next one.

    Raises PageInvalide, JetonDePageInvalide.
    """
    size = _size(pagination.page_size)
    instant, jti, utilisateur_id = _position(pagination.page_token)
    rows = await reader.all(
        _PAGE, depuis=depuis, instant=instant, jti=jti, utilisateur_id=utilisateur_id, most=size + 1
    )
    more = _token(rows[size - 1]) if len(rows) > size else ""
    return [_message(*row) for row in rows[:size]], more


def _message(instant: datetime, jti: str, utilisateur_id: str, expire_le: datetime | None) -> Revocation:
    return Revocation(
        jti=jti,
        utilisateur_id=utilisateur_id,
        revoque_le=timestamp(instant),
        expire_le=timestamp(expire_le or instant + _LONGEST_LIFE),
    )


def _size(asked: int) -> int:
    if asked < 0:
        raise PageInvalide(champ="page_size")
    return min(asked or DEFAULT_SIZE, LARGEST_PAGE)


def _token(row: tuple[Any, ...]) -> str:
    instant, jti, utilisateur_id, _ = row
    content = json.dumps([instant.isoformat(), jti, utilisateur_id])
    return base64.urlsafe_b64encode(content.encode()).decode()


def _position(token: str) -> tuple[datetime, str, str]:
    """Where the former page ended, the beginning without a *token*."""
    if not token:
        return _START
    try:
        instant, jti, utilisateur_id = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        return datetime.fromisoformat(instant).astimezone(UTC), str(jti), str(utilisateur_id)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise JetonDePageInvalide(champ="page_token") from None
