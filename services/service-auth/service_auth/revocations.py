"""Revocations of tokens: written, announced and listed (R9–R13, R24)."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from crm.auth.auth_pb2 import Revocation
from crm.common import common_pb2
from db_utils import DEFAULT_SIZE, Reader, Transaction, clock, parse_uuid
from grpc_utils import Identity, timestamp
from grpc_utils.errors import JetonDePageInvalide, PageInvalide
from nats_utils import announce_revocation
from sqlalchemy import (
    BindParameter,
    DateTime,
    String,
    bindparam,
    cast,
    exists,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from service_auth.models import RevocationGlobale, RevocationOrganisation, TokenRevoque
from service_auth.settings import LONGEST_LIFE

LARGEST_PAGE = 1000
_LONGEST_LIFE = timedelta(seconds=LONGEST_LIFE)
_instant: DateTime = DateTime(timezone=True)
_user = bindparam("utilisateur_id", type_=String())
_organisation = bindparam("organisation", type_=String())
_issued = bindparam("issued_at", type_=_instant)

_REVOKED = select(
    or_(
        exists().where(TokenRevoque.jti == bindparam("jti")),
        exists().where(RevocationGlobale.utilisateur_id == _user, RevocationGlobale.avant > _issued),
        exists().where(
            RevocationOrganisation.utilisateur_id == _user,
            RevocationOrganisation.organisation == _organisation,
            RevocationOrganisation.avant > _issued,
        ),
    )
)


def _ending(
    table: type[RevocationGlobale] | type[RevocationOrganisation], **key: BindParameter[str]
) -> ReturningInsert[datetime]:
    """Statement that sets *avant* of *key* in *table*, if it is later than what is stored.

    It returns the instant, or no row when nothing had to change.
    """
    told = {
        "avant": bindparam("avant", type_=_instant),
        "motif": bindparam("motif", type_=String()),
        "revoque_le": bindparam("now", type_=_instant),
    }
    row = insert(table).values(**key, **told)
    later = row.on_conflict_do_update(
        index_elements=[*key],
        set_={name: row.excluded[name] for name in told},
        where=table.avant < row.excluded.avant,
    )
    return later.returning(table.avant)


_END = _ending(RevocationGlobale, utilisateur_id=_user)
_END_IN = _ending(RevocationOrganisation, utilisateur_id=_user, organisation=_organisation)
_every = union_all(
    select(
        TokenRevoque.revoque_le.label("written"),
        cast(TokenRevoque.jti, String).label("jti"),
        TokenRevoque.utilisateur_id.label("utilisateur_id"),
        literal("").label("organisation"),
        TokenRevoque.revoque_le.label("instant"),
        TokenRevoque.expire_le.label("expire_le"),
    ),
    select(
        RevocationGlobale.revoque_le,
        literal(""),
        RevocationGlobale.utilisateur_id,
        literal(""),
        RevocationGlobale.avant,
        cast(null(), _instant),
    ),
    select(
        RevocationOrganisation.revoque_le,
        literal(""),
        RevocationOrganisation.utilisateur_id,
        RevocationOrganisation.organisation,
        RevocationOrganisation.avant,
        cast(null(), _instant),
    ),
).subquery()
_places = (_every.c.written, _every.c.jti, _every.c.utilisateur_id, _every.c.organisation)
_former = tuple_(
    bindparam("written", type_=_instant),
    bindparam("jti", type_=String()),
    _user,
    _organisation,
)
_PAGE = (
    select(*_places, _every.c.instant, _every.c.expire_le)
    .where(_every.c.written > bindparam("depuis", type_=_instant), tuple_(*_places) > _former)
    .order_by(*_places)
    .limit(bindparam("most"))
)
_Place = tuple[datetime, str, str, str]
_START: _Place = (datetime.min.replace(tzinfo=UTC), "", "", "")


@dataclass(frozen=True, slots=True)
class OwnToken:
    """Claims of one of our tokens that its revocation needs."""

    jti: UUID
    utilisateur_id: str
    issued_at: datetime
    expires_at: datetime
    organisation_id: str = ""

    @classmethod
    def of(cls, identity: Identity) -> "OwnToken | None":
        """The token behind *identity*, None when it has not the form of ours."""
        jti = parse_uuid(identity.token_id)
        if jti is None:
            return None
        issued, expires = (
            datetime.fromtimestamp(instant, UTC) for instant in (identity.issued_at, identity.expires_at)
        )
        return cls(jti, identity.subject, issued, expires, identity.organisation_id or "")


async def is_revoked(reader: Reader, token: OwnToken) -> bool:
    """Tell whether *token* is void: itself, with its user, or with its user in its organisation."""
    return bool(
        await reader.one(
            _REVOKED,
            jti=token.jti,
            utilisateur_id=token.utilisateur_id,
            organisation=token.organisation_id,
            issued_at=token.issued_at,
        )
    )


async def revoke_token(tx: Transaction, token: OwnToken, motif: str) -> bool:
    """End *token* and announce that with the commit of *tx*; False when it had ended before."""
    row = TokenRevoque(
        jti=token.jti, utilisateur_id=token.utilisateur_id, motif=motif, expire_le=token.expires_at
    )
    if not await tx.insert_if_absent(row):
        return False
    announce_revocation(tx, _message(row.revoque_le, str(row.jti), row.utilisateur_id, row.expire_le))
    return True


async def revoke_user(
    tx: Transaction, utilisateur_id: str, avant: datetime, motif: str, organisation_id: str = ""
) -> None:
    """End every token of the user issued before *avant*, and announce it with the commit of *tx*.

    With *organisation_id*, only tokens that name it end. The greatest *avant* counts: one that is
    not later than the stored one is neither written nor announced.
    """
    told = {"utilisateur_id": utilisateur_id, "avant": avant, "motif": motif, "now": clock.now()}
    if organisation_id:
        ended = await tx.one(_END_IN, organisation=organisation_id, **told)
    else:
        ended = await tx.one(_END, **told)
    if ended is not None:
        announce_revocation(tx, _message(ended, "", utilisateur_id, None, organisation_id))


async def revoked_since(
    reader: Reader, depuis: datetime, pagination: common_pb2.Pagination
) -> tuple[list[Revocation], str]:
    """A page of the revocations written after *depuis*, in order, and the token of the next one.

    Raises PageInvalide, JetonDePageInvalide.
    """
    size = _size(pagination.page_size)
    written, jti, utilisateur_id, organisation = _position(pagination.page_token)
    rows = await reader.all(
        _PAGE,
        depuis=depuis,
        written=written,
        jti=jti,
        utilisateur_id=utilisateur_id,
        organisation=organisation,
        most=size + 1,
    )
    more = _token(rows[size - 1][:4]) if len(rows) > size else ""
    return [
        _message(instant, jti, user, expire_le, organisation)
        for _, jti, user, organisation, instant, expire_le in rows[:size]
    ], more


def _message(
    instant: datetime, jti: str, utilisateur_id: str, expire_le: datetime | None, organisation_id: str = ""
) -> Revocation:
    return Revocation(
        jti=jti,
        utilisateur_id=utilisateur_id,
        organisation_id=organisation_id,
        revoque_le=timestamp(instant),
        expire_le=timestamp(expire_le or instant + _LONGEST_LIFE),
    )


def _size(asked: int) -> int:
    if asked < 0:
        raise PageInvalide(champ="page_size")
    return min(asked or DEFAULT_SIZE, LARGEST_PAGE)


def _token(place: _Place) -> str:
    written, *names = place
    content = json.dumps([written.isoformat(), *names])
    return base64.urlsafe_b64encode(content.encode()).decode()


def _position(token: str) -> _Place:
    """Place at which the former page ended, the start without *token*. Raises JetonDePageInvalide."""
    if not token:
        return _START
    try:
        written, jti, user, organisation = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        return datetime.fromisoformat(written).astimezone(UTC), str(jti), str(user), str(organisation)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise JetonDePageInvalide(champ="page_token") from None
