"""Refreshes shared by all who want them, here and in other instances; no token is lost (R11, R13, R16)."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from crm.integrations import integrations_pb2 as pb
from db_utils import clock
from service_integrations.parts import Parts
from service_integrations.refusals import TokenRefreshError
from service_integrations.settings import IntegrationsSettings
from service_kit import App
from service_testing import Mesh, eventually, running
from service_testing.oauth import OauthProvider
from tests.titulaires import ORIGINS, STILL, Personne, change, new_user

_READS = """
    SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'SELECT oauth_accounts.%%' AND query_start > %s
"""


@pytest.mark.parametrize(("outcome", "reason"), [("token", ""), ("failure", "TOKEN_REFRESH_ERROR")])
async def test_R11_a_refresh_of_another_instance_is_waited_for(
    jeanne: Personne, app: App[IntegrationsSettings], provider: OauthProvider, outcome: str, reason: str
) -> None:
    """An instance waits for the lease of another, asks nobody, and answers what the other got."""
    connected = await jeanne.connect()
    seen, asked = await jeanne.row(connected), len(provider.refreshes())
    lease = clock.now() + timedelta(seconds=30)
    held = await change(app.database, connected.integration.id, refresh_lease_until=lease)
    since = clock.now()
    waiting = asyncio.ensure_future(Parts.of(app).refreshes.refreshed(seen))
    with psycopg.connect(app.settings.database_url.get_secret_value(), autocommit=True) as owner:
        await eventually(lambda: owner.execute(_READS, (since,)).fetchone())
    ended = (
        {"derniere_actualisation": clock.now()} if outcome == "token" else {"last_error_code": "API_ERROR"}
    )
    await change(app.database, str(held.id), refresh_lease_until=None, **ended)
    if reason:
        with pytest.raises(TokenRefreshError, match=reason):
            await waiting
    else:
        assert (await waiting).derniere_actualisation != seen.derniere_actualisation
    assert len(provider.refreshes()) == asked


async def test_R11_who_has_read_before_a_refresh_uses_it(
    jeanne: Personne, app: App[IntegrationsSettings], provider: OauthProvider
) -> None:
    """A caller that had read the account before a refresh uses its token and leaves no lease."""
    connected = await jeanne.connect()
    seen, asked = await jeanne.row(connected), len(provider.refreshes())
    first = await Parts.of(app).refreshes.refreshed(seen)
    second = await Parts.of(app).refreshes.refreshed(seen)
    assert (second.access_token, len(provider.refreshes())) == (first.access_token, asked + 1)
    assert (await jeanne.row(connected)).refresh_lease_until is None


async def test_R11_a_lease_that_nobody_gives_back_ends(jeanne: Personne, mesh: Mesh) -> None:
    """An instance that was killed holds up nobody beyond its lease."""
    connected = await jeanne.connect()
    over = clock.now() - timedelta(seconds=1)
    await change(mesh.database("integrations"), connected.integration.id, refresh_lease_until=over)
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    assert (await jeanne.own_tokens.Refresh(request)).integration.is_connected


async def test_R13_a_caller_that_goes_away_loses_no_token(jeanne: Personne, provider: OauthProvider) -> None:
    """The refresh of a caller that leaves goes on, because the provider has replaced the old token."""
    connected = await jeanne.connect("microsoft")
    request = pb.RefreshRequest(provider="microsoft", account_id=connected.account_id)
    asked = len(provider.refreshes("microsoft"))
    with provider.slow():
        call = jeanne.own_tokens.Refresh(request)
        await eventually(lambda: len(provider.refreshes("microsoft")) > asked)
        call.cancel()
    await eventually(lambda: _refreshed(jeanne))
    assert (await jeanne.token(connected)).access_token


async def test_R13_a_service_that_stops_loses_no_token(provider: OauthProvider) -> None:
    """A stopping service keeps its database until the provider's answer is stored."""
    settings: dict[str, Any] = {"integrations_redirect_origins": ORIGINS, **provider.settings()}
    async with running(STILL, **settings) as mesh:
        jeanne = Personne(new_user(), mesh, provider)
        connected = await jeanne.connect("microsoft")
        asked, stopping = len(provider.refreshes("microsoft")), mesh["integrations"]
        with provider.slow():
            call = jeanne.own_tokens.Refresh(
                pb.RefreshRequest(provider="microsoft", account_id=connected.account_id)
            )
            await eventually(lambda: len(provider.refreshes("microsoft")) > asked)
            call.cancel()
            restarted = asyncio.create_task(restart(mesh))
            await eventually(lambda: not stopping.serving)
        await restarted
        assert await jeanne.events() == ["OAUTH_INITIATED", "OAUTH_COMPLETED", "TOKEN_REFRESHED"]


async def restart(mesh: Mesh) -> None:
    """Stop the service and start it again."""
    async with mesh.without("integrations"):
        pass


async def test_R16_a_disconnection_during_a_refresh_wins(jeanne: Personne, provider: OauthProvider) -> None:
    """New tokens that come after a disconnection are thrown away."""
    connected = await jeanne.connect("microsoft")
    names = {"provider": "microsoft", "account_id": connected.account_id}
    asked = len(provider.refreshes("microsoft"))
    with provider.slow():
        call = jeanne.own_tokens.Refresh(pb.RefreshRequest(**names))
        await eventually(lambda: len(provider.refreshes("microsoft")) > asked)
        await jeanne.own.Disconnect(pb.DisconnectRequest(**names))
    assert (await call).integration.status == "disconnected"
    row = await jeanne.row(connected)
    assert (row.access_token, row.refresh_token, row.status) == (None, None, "disconnected")


async def _refreshed(personne: Personne) -> bool:
    return "TOKEN_REFRESHED" in await personne.events()
