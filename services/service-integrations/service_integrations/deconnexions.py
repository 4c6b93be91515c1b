"""Disconnections: the tokens are revoked at the provider if possible, and erased here (R16)."""

import logging

from db_utils import clock

from service_integrations import refusals
from service_integrations.atelier import Atelier
from service_integrations.audit import Origine, entree, note_in
from service_integrations.models import DISCONNECTED, INTEGRATION_DISCONNECTED, OauthAccount

_log = logging.getLogger(__name__)


class Deconnexions:
    """Disconnections of accounts, whose rows stay for the audit."""

    def __init__(self, atelier: Atelier) -> None:
        self._atelier = atelier

    async def disconnect(self, user_id: str, provider: str, account_id: str, origine: Origine) -> bool:
        """Disconnect an account; return whether the provider has confirmed that its tokens have ended.

        Raises AccountNotFound when it is not connected.
        """
        compte = await self._atelier.comptes.find(user_id, provider, account_id)
        if compte is None or compte.status == DISCONNECTED:
            raise refusals.AccountNotFound(provider)
        revoque = await self._revoked(compte)
        async with self._atelier.comptes.changing(user_id) as tx:
            row = await self._atelier.comptes.locked(tx, compte)
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
            line = entree(
                INTEGRATION_DISCONNECTED,
                provider,
                user_id,
                account_id=account_id,
                origine=origine,
                revoque=revoque,
            )
            await note_in(tx, line)
        return revoque

    async def _revoked(self, compte: OauthAccount) -> bool:
        """Ask the provider to end the tokens of *compte*; return whether it has confirmed.

        The refresh token, where there is one, stands for all tokens of the connection (RFC 7009 section 2.1).
        """
        column = "access_token" if compte.refresh_token is None else "refresh_token"
        try:
            token = self._atelier.comptes.opened(compte, column)  # type: ignore[arg-type]  # one of the two
        except refusals.GetTokenError:
            _log.warning("a token of %s is unreadable: it is erased without being revoked", compte.provider)
            return False
        return await self._atelier.fournisseurs[compte.provider].revoke(token)
