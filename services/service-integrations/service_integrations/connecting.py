"""Connections of accounts: sending the browser to the provider, and taking it back (R4–R6)."""

import logging
from dataclasses import dataclass
from typing import Any, NoReturn

from crm.integrations import integrations_pb2 as pb
from db_utils import Database, clock, uuid7
from grpc_utils import caller

from service_integrations import messages, refusals, rules
from service_integrations.adapter import Adapter, Profile, Tokens
from service_integrations.audit import Browser, audit_line, note, note_in
from service_integrations.models import (
    CONNECTED,
    INVALID_STATE_DETECTED,
    OAUTH_COMPLETED,
    OAUTH_FAILED,
    OAUTH_INITIATED,
    OauthAccount,
    OauthState,
)
from service_integrations.parts import Parts
from service_integrations.pending import Begun
from service_integrations.refusals import IntegrationRefusal, ProviderRefused
from service_integrations.states import State, StateRefused

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Callback:
    """The parameters that the browser brings back from the provider, and where it calls from."""

    code: str
    state: str
    error: str
    browser: Browser


class Connecting:
    """Connections, from the click to the stored tokens."""

    def __init__(self, database: Database, parts: Parts, origins: tuple[str, ...]) -> None:
        self._database, self._parts, self._origins = database, parts, origins

    async def begin(
        self, user_id: str, provider: str, redirect_url: str, browser: Browser
    ) -> tuple[str, Begun]:
        """Begin a connection; return the address to which the browser goes, and the connection.

        Raises InvalidProvider, InvalidRedirectUrl, OauthInitError.
        """
        adapter = self._parts.active(provider)
        if not self._origins:
            _log.error("INTEGRATIONS_REDIRECT_ORIGINS is empty: nothing can be connected")
            raise refusals.OauthInitError(provider)
        target = rules.allowed_redirect(redirect_url, self._origins)
        async with self._database.transaction() as tx:
            begun = await self._parts.pending.begin(
                tx, user_id, caller().organisation_id or None, adapter, target
            )
            auth_url = adapter.authorize_url(begun.state, begun.code_challenge)
            await note_in(tx, audit_line(OAUTH_INITIATED, provider, user_id, browser=browser))
        return auth_url, begun

    async def complete(self, provider: str, callback: Callback) -> tuple[OauthAccount, str]:
        """Finish a connection; return the account, and the address to which the browser goes.

        Raises InvalidProvider, InvalidState, OauthCallbackError, NetworkError, ApiError, TimeoutError.
        """
        adapter = self._parts.active(provider)
        pending = await self._consumed(provider, callback)
        try:
            tokens, profile = await self._granted(adapter, pending, callback)
        except (IntegrationRefusal, ProviderRefused) as error:
            await self._failed(pending, callback, error)
        return await self._stored(pending, callback, tokens, profile), pending.redirect_url

    async def _consumed(self, provider: str, callback: Callback) -> OauthState:
        """Use up the state; return the connection that was begun with it.

        Raises InvalidState, whose cause stands in the audit alone.
        """
        try:
            state = self._parts.pending.read(callback.state, provider)
            return await self._used(state)
        except StateRefused as refused:
            line = audit_line(
                INVALID_STATE_DETECTED,
                provider,
                refused.user_id,
                erreur=refused.cause,
                browser=callback.browser,
            )
            await note(self._database, line)
            raise refusals.InvalidState(provider) from None

    async def _used(self, state: State) -> OauthState:
        async with self._database.transaction() as tx:
            return await self._parts.pending.consume(tx, state)

    async def _granted(
        self, adapter: Adapter, pending: OauthState, callback: Callback
    ) -> tuple[Tokens, Profile]:
        """The tokens for the code, and the profile of their account.

        Raises OauthCallbackError without a code or after a no, and what the provider's adapter raises.
        """
        if callback.error or not callback.code:
            raise refusals.OauthCallbackError(adapter.code)
        verifier = self._parts.pending.verifier(pending)
        tokens = await adapter.exchange_code(callback.code, verifier)
        return tokens, await adapter.get_profile(tokens.access_token)

    async def _failed(
        self, pending: OauthState, callback: Callback, error: IntegrationRefusal | ProviderRefused
    ) -> NoReturn:
        provider, cause = pending.provider, callback.error or str(error)
        line = audit_line(OAUTH_FAILED, provider, pending.user_id, erreur=cause, browser=callback.browser)
        await note(self._database, line)
        if isinstance(error, ProviderRefused):
            raise refusals.OauthCallbackError(provider) from None
        raise error

    async def _stored(
        self, pending: OauthState, callback: Callback, tokens: Tokens, profile: Profile
    ) -> OauthAccount:
        """Store the account, in a new row or in the one that it had."""
        accounts, changed = self._parts.accounts, _connected(profile)
        if pending.organisation_id is not None:
            changed["organisation_id"] = pending.organisation_id
        oauth_account_id = uuid7()
        account = OauthAccount(
            id=oauth_account_id,
            user_id=pending.user_id,
            provider=pending.provider,
            provider_account_id=profile.account_id,
            **changed,
            **accounts.sealed(oauth_account_id, tokens),
        )
        async with accounts.changing(pending.user_id) as tx:
            if not await tx.insert_if_absent(account):
                account = await accounts.locked(tx, account)
                sealed = accounts.sealed(account.id, tokens, account.scopes_manquants)
                await tx.update(account, **changed, **sealed)
            line = audit_line(
                OAUTH_COMPLETED,
                account.provider,
                account.user_id,
                account_id=account.provider_account_id,
                browser=callback.browser,
                scopes_manquants=account.scopes_manquants,
            )
            await note_in(tx, line)
        return account


def _connected(profile: Profile) -> dict[str, Any]:
    """The columns that a connection sets, besides those of the tokens."""
    return {
        "nom_affiche": profile.nom_affiche,
        "metadata_": dict(profile.metadata),
        "status": CONNECTED,
        "last_error_code": None,
        "echecs": 0,
        "refresh_lease_until": None,
        "derniere_actualisation": clock.now(),
        "deconnecte_le": None,
    }


def connected(account: OauthAccount, redirect_url: str) -> pb.HandleCallbackResponse:
    """The answer to a browser that has come back."""
    return pb.HandleCallbackResponse(
        user_id=account.user_id,
        account_id=account.provider_account_id,
        integration=messages.shown(messages.stored(account), clock.now()),
        redirect_url=redirect_url,
    )
