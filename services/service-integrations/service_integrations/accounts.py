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
from service_integrations.adapter import Tokens
from service_integrations.cache import CHANNEL, Cache
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


class Accounts:
    """The accounts in *database*, their tokens sealed by *envelope*."""

    def __init__(self, database: Database, envelope: Envelope) -> None:
        self._database, self._envelope = database, envelope
        self.cache = Cache(database, self._of_user)

    async def find(self, user_id: str, provider: str, account_id: str) -> OauthAccount | None:
        """The account of a user at a provider, None when there is none."""
        named = {"user_id": user_id, "provider": provider, "account_id": account_id}
        return await self._database.read().one(_ONE, **named)

    async def get(self, oauth_account_id: str | UUID) -> OauthAccount | None:
        """The account with that id, None when there is none."""
        return await self._database.read().get(OauthAccount, oauth_account_id)

    async def locked(self, tx: Transaction, account: OauthAccount) -> OauthAccount:
        """The row of *account* as it is now, locked until *tx* ends."""
        row = await tx.one(
            _ONE_LOCKED,
            user_id=account.user_id,
            provider=account.provider,
            account_id=account.provider_account_id,
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

    def opened(self, account: OauthAccount, column: Sealed) -> str:
        """Open a token of *account*, which must have one. Raises GetTokenError."""
        try:
            return self._envelope.open(getattr(account, column), place(account.id, column))
        except Undecipherable:
            raise GetTokenError(account.provider) from None

    def sealed(self, oauth_account_id: UUID, tokens: Tokens, missing: Iterable[str] = ()) -> dict[str, Any]:
        """The columns that *tokens* change in the row of *oauth_account_id*; a token that did not come stays.

        *missing* are the permissions that were missing before (R23).
        """
        now = clock.now()
        changed: dict[str, Any] = {
            "scopes_manquants": rules.still_missing(missing, tokens),
            "access_token": self._envelope.seal(tokens.access_token, place(oauth_account_id, "access_token")),
            "token_type": tokens.token_type,
            "expires_at": None if tokens.expires_in is None else now + timedelta(seconds=tokens.expires_in),
        }
        if tokens.refresh_token:
            changed["refresh_token"] = self._envelope.seal(
                tokens.refresh_token, place(oauth_account_id, "refresh_token")
            )
        if tokens.scope:
            changed["scopes"] = tokens.scope.split()
        return changed

    async def _of_user(self, user_id: str) -> tuple[pb.Integration, ...]:
        rows = await self._database.read().all(_OF_USER, user_id=user_id)
        return tuple(messages.stored(row) for row in rows)


def place(oauth_account_id: UUID, column: Sealed) -> str:
    """The place that the envelope of a token is bound to (C15)."""
    return f"integrations.oauth_accounts.{column}:{oauth_account_id}"
