"""Calls without a database: DATABASE_ERROR, or a remembered list (R1, R20)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import AuditServiceStub, IntegrationServiceStub, TokenServiceStub
from grpc import StatusCode
from service_integrations.parts import Parts
from service_testing import Mesh, eventually, fresh_database, refusal, running
from service_testing.link import DatabaseLink, database_link
from service_testing.oauth import OauthProvider
from tests.titulaires import ORIGINS, STILL, Personne, all_heard, new_user

UNAVAILABLE = (StatusCode.UNAVAILABLE, "DATABASE_ERROR", "true")


@pytest.fixture(scope="module")
async def link() -> AsyncIterator[DatabaseLink]:
    """The connection between a service and its database, which tests can cut."""
    async with database_link(fresh_database()) as link:
        yield link


@pytest.fixture(scope="module")
async def wired(link: DatabaseLink, provider: OauthProvider) -> AsyncIterator[Mesh]:
    """A service whose connection to the database can be cut."""
    settings: dict[str, Any] = {"integrations_redirect_origins": ORIGINS, **provider.settings()}
    async with running(STILL, database_url=link.url, **settings) as mesh:
        yield mesh


async def told(call: Any) -> tuple[StatusCode, str, str]:
    """The status, the reason and whether another try may help."""
    refused = await refusal(call)
    return refused.code, refused.reason, refused.metadata["retryable"]


async def test_R20_the_last_list_is_shown_and_flagged(
    wired: Mesh, link: DatabaseLink, provider: OauthProvider
) -> None:
    """A remembered list is flagged; users without one get DATABASE_ERROR; afterwards no flag is left."""
    jeanne, other = Personne(new_user(), wired, provider), Personne(new_user(), wired, provider)
    connected = await jeanne.connect()
    stub, request = jeanne.own, pb.ListIntegrationsRequest()
    app: Any = wired["integrations"].app
    await all_heard(app, Personne(new_user(), wired, provider))
    await stub.List(request)
    async with link.cut():
        call = stub.List(request)
        assert [one.id for one in (await call).integrations] == [connected.integration.id]
        trailers = dict(await call.trailing_metadata())
        assert (trailers["x-donnees-perimees"], "x-correlation-id" in trailers) == ("1", True)
        assert await told(other.own.List(request)) == UNAVAILABLE
    await eventually(lambda: Parts.of(app).accounts.cache.listening)
    call = stub.List(request)
    assert "x-donnees-perimees" not in dict(await call.trailing_metadata())
    assert len((await call).integrations) == 1


async def test_R1_a_lost_database_has_one_answer(
    wired: Mesh, link: DatabaseLink, provider: OauthProvider
) -> None:
    """Every call is DATABASE_ERROR, and so is each account of a batch."""
    jeanne = Personne(new_user(), wired, provider)
    connected = await jeanne.connect()
    names = {"user_id": jeanne.user_id, "provider": "google", "account_id": connected.account_id}
    integrations = wired.service_stub(IntegrationServiceStub, caller="integrations")
    tokens = wired.service_stub(TokenServiceStub, caller="integrations")
    audit = wired.stub(AuditServiceStub, user=jeanne.user_id)
    back = await jeanne.back()
    async with link.cut():
        for call in (
            integrations.InitiateOAuth(pb.InitiateOAuthRequest(user_id="u", provider="google")),
            integrations.HandleCallback(back),
            integrations.Get(pb.GetIntegrationRequest(**names)),
            integrations.Disconnect(pb.DisconnectRequest(**names)),
            tokens.GetAccessToken(pb.GetAccessTokenRequest(**names)),
            tokens.Refresh(pb.RefreshRequest(**names)),
            audit.List(pb.ListAuditRequest()),
        ):
            assert await told(call) == UNAVAILABLE
        answer = await tokens.BatchRefresh(pb.BatchRefreshRequest(requests=[pb.RefreshRequest(**names)]))
    assert [(one.code, one.retryable) for one in answer.echecs] == [("DATABASE_ERROR", True)]
    await eventually(lambda: wired["integrations"].serving)


async def test_R13_new_tokens_wait_for_a_database_that_is_away(
    wired: Mesh, link: DatabaseLink, provider: OauthProvider
) -> None:
    """New tokens, which cannot be asked for again, are stored when the database is back."""
    jeanne = Personne(new_user(), wired, provider)
    connected = await jeanne.connect("microsoft")
    request = pb.RefreshRequest(provider="microsoft", account_id=connected.account_id)
    asked = len(provider.refreshes("microsoft"))
    with provider.slow():
        call = jeanne.own_tokens.Refresh(request)
        await eventually(lambda: len(provider.refreshes("microsoft")) > asked)
        await link.disconnect()
    await eventually(lambda: not wired["integrations"].serving)
    await link.connect()
    assert (await call).integration.is_connected
    assert (await jeanne.events())[-1] == "TOKEN_REFRESHED"
