"""Key rotation: tokens of former encryption keys are sealed anew with the first key (R17).

Rows are not locked and keep their version: a row that changes meanwhile has new tokens anyway.
"""

import logging
from uuid import UUID

from db_utils import Database, Envelope, Undecipherable
from sqlalchemy import BindParameter, bindparam, func, not_, or_, select, update

from service_integrations.accounts import Sealed, place
from service_integrations.models import OauthAccount

_log = logging.getLogger(__name__)

ROUND = 500  # rows that are treated at a time
_FIRST = UUID(int=0)
_COLUMNS: tuple[Sealed, Sealed] = ("access_token", "refresh_token")

_current: BindParameter[str] = bindparam("current")
_old = or_(*(not_(func.starts_with(getattr(OauthAccount, name), _current)) for name in _COLUMNS))
_LEFT = select(func.count()).select_from(OauthAccount).where(_old)
_SOME = (
    select(OauthAccount)
    .where(_old, OauthAccount.id > bindparam("after", type_=OauthAccount.id.type))
    .order_by(OauthAccount.id)
    .limit(bindparam("most"))
)
# Rows are not locked: one whose tokens have changed since it was read is left alone.
_SEALED_ANEW = (
    update(OauthAccount)
    .where(
        OauthAccount.id == bindparam("account"),
        *(getattr(OauthAccount, name).is_not_distinct_from(bindparam(f"old_{name}")) for name in _COLUMNS),
    )
    .values({name: bindparam(f"new_{name}") for name in _COLUMNS})
)


class Rotation:
    """The sealed tokens in *database*; the first key of *envelope* seals."""

    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._database, self._envelope = database, envelope

    async def round(self, most: int = ROUND, after: UUID = _FIRST) -> int:
        """Seal at most *most* rows anew, in the order of their ids; return their number.

        Unreadable rows are logged and left as they are.
        """
        treated = 0
        while treated < most:
            rows = await self._database.read().all(
                _SOME, current=self._envelope.current, after=after, most=most - treated
            )
            if not rows:
                break
            treated, after = treated + await self._sealed_anew(rows), rows[-1].id
        return treated

    async def left(self) -> int:
        """The number of rows with tokens of a former key."""
        return await self._database.read().one(_LEFT, current=self._envelope.current) or 0

    async def _sealed_anew(self, rows: list[OauthAccount]) -> int:
        treated = 0
        async with self._database.transaction() as tx:
            for row in rows:
                try:
                    anew = {f"new_{name}": self._anew(row, name) for name in _COLUMNS}
                except Undecipherable:
                    _log.error("the tokens of account %s are unreadable", row.id)
                    continue
                old = {f"old_{name}": getattr(row, name) for name in _COLUMNS}
                treated += await tx.execute(_SEALED_ANEW, account=row.id, **old, **anew)
        return treated

    def _anew(self, row: OauthAccount, name: Sealed) -> str | None:
        sealed = getattr(row, name)
        if sealed is None:
            return None
        return self._envelope.seal(self._envelope.open(sealed, place(row.id, name)), place(row.id, name))
