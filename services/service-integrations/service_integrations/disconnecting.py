"""Disconnections: the tokens are revoked at the provider if possible, and erased here (R16)."""

import logging

from db_utils import clock

from service_integrations import refusals
from service_integrations.audit import Browser, audit_line, note_in
from service_integrations.models import DISCONNECTED, INTEGRATION_DISCONNECTED, OauthAccount
from service_integrations.parts import Parts

_log = logging.getLogger(__name__)


class Disconnecting:
    """Disconnections of accounts, whose rows stay for the audit."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def disconnect(self, user_id: str, provider: str, account_id: str, browser: Browser) -> bool:
        """Disconnect an account; return whether the provider has confirmed that its tokens have ended.

        Raises AccountNotFound when it is not connected.
        """
        account = await self._parts.accounts.find(user_id, provider, account_id)
        if account is None or account.status == DISCONNECTED:
            raise refusals.AccountNotFound(provider)
        revoked = await self._revoked(account)
        async with self._parts.accounts.changing(user_id) as tx:
            row = await self._parts.accounts.locked(tx, account)
            if row.status == DISCONNECTED:
                raise refusals.AccountNotFound(provider)
            await tx.update(
                row,
                access_token=None,
                refresh_token=None,
                status=DISCONNECTED,
                deconnecte_le=clock.now(),
                refresh_lease_until=None,
            )
            line = audit_line(
                INTEGRATION_DISCONNECTED,
                provider,
                user_id,
                account_id=account_id,
                browser=browser,
                revoque=revoked,
            )
            await note_in(tx, line)
        return revoked

    async def _revoked(self, account: OauthAccount) -> bool:
        """Ask the provider to end the tokens of *account*; return whether it has confirmed.

        The refresh token, where there is one, stands for all tokens of the connection (RFC 7009 section 2.1).
        """
        column = "access_token" if account.refresh_token is None else "refresh_token"
        try:
            token = self._parts.accounts.opened(account, column)  # type: ignore[arg-type]  # one of the two
        except refusals.GetTokenError:
            _log.warning("a token of %s is unreadable: it is erased without being revoked", account.provider)
            return False
        return await self._parts.providers[account.provider].revoke(token)
