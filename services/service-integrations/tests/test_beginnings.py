"""Connections that are not begun: for others, elsewhere, or half configured (R1, R5, R24, R26)."""

from collections.abc import AsyncIterator

import pytest
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import IntegrationServiceStub
from grpc import StatusCode
from service_testing import Mesh, refused, running
from service_testing.oauth import OauthProvider
from tests.titulaires import STILL, Personne, new_user


@pytest.mark.parametrize("code", ["", "facebook", "Google", "x" * 100])
async def test_R1_unknown_providers_are_refused(jeanne: Personne, code: str) -> None:
    """An unknown provider is refused at the beginning and at the callback."""
    expected = (StatusCode.INVALID_ARGUMENT, "INVALID_PROVIDER")
    assert await refused(jeanne.begin(code)) == expected
    stub = jeanne.mesh.service_stub(IntegrationServiceStub, caller="integrations")
    assert await refused(stub.HandleCallback(pb.HandleCallbackRequest(provider=code))) == expected


@pytest.mark.parametrize("user_id", ["", "u" * 65, "jean paul", "é"])
async def test_R24_malformed_user_ids_are_refused(integrations: IntegrationServiceStub, user_id: str) -> None:
    """A service that names no user, or a malformed one, is refused."""
    expected = (StatusCode.INVALID_ARGUMENT, "INVALID_USER_ID")
    begin = pb.InitiateOAuthRequest(user_id=user_id, provider="google")
    assert await refused(integrations.InitiateOAuth(begin)) == expected
    assert await refused(integrations.List(pb.ListIntegrationsRequest(user_id=user_id))) == expected


async def test_R24_a_user_acts_for_nobody_else(jeanne: Personne) -> None:
    """Another user's accounts are not found, whatever is asked for them."""
    expected = (StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
    begin = pb.InitiateOAuthRequest(user_id="user-autre", provider="google")
    assert await refused(jeanne.own.InitiateOAuth(begin)) == expected
    assert await refused(jeanne.own.List(pb.ListIntegrationsRequest(user_id="user-autre"))) == expected


@pytest.fixture
async def half(provider: OauthProvider) -> AsyncIterator[Mesh]:
    """A service without origins for browsers, and without a client at Google."""
    settings = provider.settings() | {"oauth_google_client_id": ""}
    async with running(STILL, **settings) as mesh:
        yield mesh


async def test_R26_a_provider_without_a_client_is_off(half: Mesh, provider: OauthProvider) -> None:
    """A provider without a client is listed as off and refused like an unknown one."""
    jeanne = Personne(new_user(), half, provider)
    listed = (await jeanne.own.ListProviders(pb.ListProvidersRequest())).providers
    assert {one.code: one.actif for one in listed} == {"google": False, "instagram": True, "microsoft": True}
    assert await refused(jeanne.begin()) == (StatusCode.INVALID_ARGUMENT, "INVALID_PROVIDER")


async def test_R5_without_an_origin_nothing_is_begun(half: Mesh, provider: OauthProvider) -> None:
    """No address of the caller stands in for the origins that are not configured."""
    jeanne = Personne(new_user(), half, provider)
    for url in ("", "https://app.exemple.fr/"):
        expected = (StatusCode.FAILED_PRECONDITION, "OAUTH_INIT_ERROR")
        assert await refused(jeanne.begin("microsoft", url)) == expected
