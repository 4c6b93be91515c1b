"""The connected accounts. No other module writes their rows or opens and seals their tokens."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from crm.integrations import integrations_pb2 as pb
from db_utils import Database, Envelope, Transaction, Undecipherable, clock
from sqlalchemy import bindparam, func, select

from service_integrations import messages, rules
from service_integrations.cache import CHANNEL, Cache
from service_integrations.fournisseur import Jetons
from service_integrations.models import OauthAccount
from service_integrations.refusals import GetTokenError

Sealed = Literal["access_token", "refresh_token"]

_named = (
    OauthAccount.user_id == bindparam("user_id"),
    OauthAccount.provider == bindparam("provider"),
    OauthAccount.provider_account_id == bindparam("account_id"),
)
_ONE = select(OauthAccount).where(*_named)
_ONE_LOCKED = _ONE.with_for_update()
_OF_USER = (
    select(OauthAccount)
    .where(OauthAccount.user_id == bindparam("user_id"))
    .order_by(OauthAccount.created_at.desc(), OauthAccount.id.desc())
)
_NOTIFY = select(func.pg_notify(CHANNEL, bindparam("user_id")))


class Comptes:
    """The accounts in *database*, their tokens sealed by *envelope*."""

    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._database, self._envelope = database, envelope
        self.cache = Cache(database, self._of_user)

    async def find(self, user_id: str, provider: str, account_id: str) -> OauthAccount | None:
        """The account of a user at a provider, None when there is none."""
        named = {"user_id": user_id, "provider": provider, "account_id": account_id}
        return await self._database.read().one(_ONE, **named)

    async def get(self, compte_id: str | UUID) -> OauthAccount | None:
        """The account with that id, None when there is none."""
        return await self._database.read().get(OauthAccount, compte_id)

    async def locked(self, tx: Transaction, compte: OauthAccount) -> OauthAccount:
        """The row of *compte* as it is now, locked until *tx* ends."""
        row = await tx.one(
            _ONE_LOCKED,
            user_id=compte.user_id,
            provider=compte.provider,
            account_id=compte.provider_account_id,
        )
        assert row is not None, "accounts are never deleted"
        return row

    @asynccontextmanager
    async def changing(self, user_id: str) -> AsyncIterator[Transaction]:
        """Open a transaction that changes accounts of *user_id*; every instance forgets his list (R18)."""
        async with self._database.transaction() as tx:
            yield tx
            await tx.one(_NOTIFY, user_id=user_id)
        self.cache.forget(user_id)

    def opened(self, compte: OauthAccount, column: Sealed) -> str:
        """Open a token of *compte*, which must have one. Raises GetTokenError."""
        try:
            return self._envelope.open(getattr(compte, column), place(compte.id, column))
        except Undecipherable:
            raise GetTokenError(compte.provider) from None

    def sealed(self, compte_id: UUID, jetons: Jetons, manquants: Iterable[str] = ()) -> dict[str, Any]:
        """The columns that *jetons* change in the row of *compte_id*; a token that did not come stays.

        *manquants* are the permissions that were missing before (R23).
        """
        now = clock.now()
        changed: dict[str, Any] = {
            "scopes_manquants": rules.still_missing(manquants, jetons),
            "access_token": self._envelope.seal(jetons.access_token, place(compte_id, "access_token")),
            "token_type": jetons.token_type,
            "expires_at": None if jetons.expires_in is None else now + timedelta(seconds=jetons.expires_in),
        }
        if jetons.refresh_token:
            changed["refresh_token"] = self._envelope.seal(
                jetons.refresh_token, place(compte_id, "refresh_token")
            )
        if jetons.scope:
            changed["scopes"] = jetons.scope.split()
        return changed

    async def _of_user(self, user_id: str) -> tuple[pb.Integration, ...]:
        rows = await self._database.read().all(_OF_USER, user_id=user_id)
        return tuple(messages.stored(row) for row in rows)


def place(compte_id: UUID, column: Sealed) -> str:
    """The place that the envelope of a token is bound to (C15)."""
    return f"integrations.oauth_accounts.{column}:{compte_id}"
