"""Refreshes of tokens: one question to the provider, however many callers wait for it (R11, R13).

A refresh runs in a task of its own: neither a caller that goes away nor a service that stops may lose
a token that the provider has already replaced. No transaction is open while the provider is asked: a
lease in the row keeps other processes away.
"""

import asyncio
import builtins
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NoReturn, TypeVar
from uuid import UUID

from db_utils import Database, DatabaseUnavailable, clock
from sqlalchemy import bindparam, or_, update

from service_integrations import refusals, rules
from service_integrations.accounts import Accounts
from service_integrations.adapter import Tokens
from service_integrations.audit import audit_line, note_in
from service_integrations.models import (
    CONNECTED,
    ERROR,
    TOKEN_REFRESH_FAILED,
    TOKEN_REFRESHED,
    AuditIntegration,
    OauthAccount,
)
from service_integrations.operations import operation
from service_integrations.providers.registry import Registry
from service_integrations.refusals import IntegrationRefusal, ProviderRefused

T = TypeVar("T")
R = TypeVar("R")
_Failure = IntegrationRefusal | ProviderRefused

LEASE = timedelta(seconds=30)
WAIT = 5.0  # seconds that a caller waits for somebody else's refresh (R11)
_LONGEST = 27.0  # seconds of one refresh with its retries: it must end within the lease
_AGAIN = 0.5  # seconds between attempts to store new tokens
AT_ONCE = 5  # accounts of a batch that are refreshed together (R14)
_POLL = 0.05  # seconds between looks at a row under another's lease

_instant = OauthAccount.created_at.type
# The condition and the lease are one statement: of several processes one gets the row.
_TAKE = (
    update(OauthAccount)
    .where(
        OauthAccount.id == bindparam("account"),
        OauthAccount.refresh_token.is_not(None),
        or_(
            OauthAccount.refresh_lease_until.is_(None),
            OauthAccount.refresh_lease_until <= bindparam("now", type_=_instant),
        ),
    )
    .values(refresh_lease_until=bindparam("until", type_=_instant))
    .returning(OauthAccount)
)
# A lease that was lost meanwhile is not ours to give back.
_GIVE_BACK = (
    update(OauthAccount)
    .where(
        OauthAccount.id == bindparam("account"),
        OauthAccount.refresh_lease_until == bindparam("until", type_=_instant),
    )
    .values(refresh_lease_until=None)
)


class Refreshes:
    """The refreshes under way in this process."""

    def __init__(self, database: Database, accounts: Accounts, providers: Registry) -> None:
        self._database, self._accounts, self._providers = database, accounts, providers
        self._under_way: dict[UUID, asyncio.Task[OauthAccount]] = {}

    async def refreshed(self, seen: OauthAccount) -> OauthAccount:
        """Refresh the account *seen*; return it with newer tokens. All callers at once share one question.

        Raises NoRefreshToken, GetTokenError, and TokenRefreshError, whose metadata name the *cause*
        and, when the user must connect again, *reconnexion*.
        """
        if seen.refresh_token is None:
            raise refusals.NoRefreshToken(seen.provider)
        task = self._under_way.get(seen.id)
        if task is None:
            task = self._begun(seen)
            await self._database.shielded(_end(task))  # a service that stops waits for it, too
            return task.result()
        try:
            async with asyncio.timeout(WAIT):
                return await asyncio.shield(task)
        except builtins.TimeoutError:
            raise _failure(seen, refusals.TimeoutError.reason, ended=False) from None

    def _begun(self, seen: OauthAccount) -> asyncio.Task[OauthAccount]:
        task = asyncio.create_task(self._refresh(seen))
        self._under_way[seen.id] = task

        def ended(task: asyncio.Task[OauthAccount]) -> None:
            del self._under_way[seen.id]
            task.exception()  # retrieved, or asyncio reports it when nobody has waited to the end

        task.add_done_callback(ended)
        return task

    async def _refresh(self, seen: OauthAccount) -> OauthAccount:
        mine = await self._taken(seen)
        if mine is None:
            return await self._by_another(seen)
        # The row has newer tokens than the caller had read: somebody refreshed it before the lease was ours.
        if mine.derniere_actualisation != seen.derniere_actualisation:
            await self._give_back(mine)
            return mine
        try:
            with operation("refresh", seen.provider):
                tokens = await self._asked(mine)
        except (IntegrationRefusal, ProviderRefused) as error:
            await self._failed(mine, error)
        return await self._kept(mine, tokens)

    async def _taken(self, seen: OauthAccount) -> OauthAccount | None:
        """Take the lease of the row and return the row; None while somebody else holds it."""
        now = clock.now()
        async with self._database.transaction() as tx:
            return await tx.one(_TAKE, account=seen.id, now=now, until=now + LEASE)

    async def _give_back(self, mine: OauthAccount) -> None:
        async with self._database.transaction() as tx:
            await tx.execute(_GIVE_BACK, account=mine.id, until=mine.refresh_lease_until)

    async def _by_another(self, seen: OauthAccount) -> OauthAccount:
        """Wait for another instance's refresh of *seen*; return the account with its tokens.

        Raises NoRefreshToken, and TokenRefreshError when the other fails or takes longer than 5 s.
        """
        deadline = time.monotonic() + WAIT
        while True:
            row = await self._accounts.get(seen.id)
            if row is None or row.refresh_token is None:
                raise refusals.NoRefreshToken(seen.provider)
            if row.derniere_actualisation != seen.derniere_actualisation:
                return row
            if row.refresh_lease_until is None or time.monotonic() > deadline:
                code = row.last_error_code or refusals.TimeoutError.reason
                raise _failure(row, code, row.status == ERROR)
            await asyncio.sleep(_POLL)

    async def _asked(self, mine: OauthAccount) -> Tokens:
        """Ask the provider for new tokens by the refresh token of *mine*.

        Raises GetTokenError, ApiError, NetworkError, TimeoutError and ProviderRefused.
        """
        adapter = self._providers[mine.provider]
        if not adapter.actif:
            raise refusals.ApiError(mine.provider, cause="off")
        token = self._accounts.opened(mine, "refresh_token")
        try:
            async with asyncio.timeout(_LONGEST):
                return await adapter.refresh(token)
        except builtins.TimeoutError:
            raise refusals.TimeoutError(mine.provider) from None

    async def _kept(self, mine: OauthAccount, tokens: Tokens) -> OauthAccount:
        """Store tokens that cannot be asked for again, waiting for a database that is away, 30 s at most."""
        deadline = time.monotonic() + LEASE.total_seconds()
        while True:
            try:
                return await self._stored(mine, tokens)
            except DatabaseUnavailable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_AGAIN)

    async def _stored(self, mine: OauthAccount, tokens: Tokens) -> OauthAccount:
        async with self._accounts.changing(mine.user_id) as tx:
            row = await self._accounts.locked(tx, mine)
            if row.refresh_lease_until != mine.refresh_lease_until:
                # Disconnected or connected anew meanwhile: these tokens belong to the former connection.
                return row
            await tx.update(
                row,
                **self._accounts.sealed(row.id, tokens, row.scopes_manquants),
                status=CONNECTED,
                last_error_code=None,
                echecs=0,
                derniere_actualisation=clock.now(),
                refresh_lease_until=None,
            )
            await note_in(tx, _line(TOKEN_REFRESHED, row))
        return row

    async def _failed(self, mine: OauthAccount, error: _Failure) -> NoReturn:
        """Note that *mine* could not be refreshed; only a refusal of the provider changes its status (R13).

        Raises TokenRefreshError, or GetTokenError when the refresh token was unreadable.
        """
        ended = isinstance(error, ProviderRefused) and rules.must_reconnect(error)
        code = error.error if isinstance(error, ProviderRefused) else error.reason
        async with self._accounts.changing(mine.user_id) as tx:
            row = await self._accounts.locked(tx, mine)
            if row.refresh_lease_until == mine.refresh_lease_until:
                status = ERROR if ended else row.status
                await tx.update(
                    row,
                    status=status,
                    last_error_code=code,
                    echecs=row.echecs + 1,
                    refresh_lease_until=None,
                )
            await note_in(tx, _line(TOKEN_REFRESH_FAILED, row, str(error)))
        if isinstance(error, refusals.GetTokenError):
            raise error
        raise _failure(mine, code, ended) from None


async def _end(task: asyncio.Task[OauthAccount]) -> None:
    """Wait until *task* has ended, successfully or not."""
    await asyncio.wait((task,))


def _failure(account: OauthAccount, code: str, ended: bool) -> refusals.TokenRefreshError:
    reconnexion = {"reconnexion": "true"} if ended else {}
    return refusals.TokenRefreshError(account.provider, cause=code, **reconnexion)


def _line(evenement: str, account: OauthAccount, erreur: str = "") -> AuditIntegration:
    account_id = account.provider_account_id
    return audit_line(evenement, account.provider, account.user_id, account_id=account_id, erreur=erreur)


async def by_fives(questions: Sequence[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Do *work* on each of *questions*, five at a time (R14); return the results in their order."""
    results: list[R] = []
    for start in range(0, len(questions), AT_ONCE):
        results += await asyncio.gather(*map(work, questions[start : start + AT_ONCE]))
    return results
