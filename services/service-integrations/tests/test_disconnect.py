"""Disconnections: tokens are revoked if possible, and erased here (R16)."""

import asyncio

from crm.integrations import integrations_pb2 as pb
from grpc import StatusCode
from service_testing import Mesh, code_of, refused
from service_testing.oauth import REVOKE, OauthProvider
from tests.titulaires import AGENT, IP, Personne, change

NOT_FOUND = (StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")


def named(connected: pb.HandleCallbackResponse) -> pb.DisconnectRequest:
    """The request that ends *connected*."""
    return pb.DisconnectRequest(
        provider=connected.integration.provider, account_id=connected.account_id, ip=IP, user_agent=AGENT
    )


async def test_R16_tokens_are_revoked_and_erased(jeanne: Personne, provider: OauthProvider) -> None:
    """The row stays without tokens, and the audit says that the provider has confirmed."""
    connected = await jeanne.connect()
    told = await jeanne.own.Disconnect(named(connected))
    assert (told.success, told.revoque, len(provider.asked(REVOKE, "google")[-1:])) == (True, True, 1)
    row = await jeanne.row(connected)
    assert (row.access_token, row.refresh_token, row.status) == (None, None, "disconnected")
    assert row.deconnecte_le is not None
    (line,) = await jeanne.lines("INTEGRATION_DISCONNECTED")
    assert (line.account_id, line.ip, line.user_agent) == (connected.account_id, IP, AGENT)
    assert dict(line.details) == {"revoque": True}


async def test_R16_a_provider_that_cannot_revoke_changes_nothing(jeanne: Personne) -> None:
    """Microsoft cannot revoke: the tokens are erased, and revoque is false."""
    connected = await jeanne.connect("microsoft")
    told = await jeanne.own.Disconnect(named(connected))
    assert (told.success, told.revoque) == (True, False)
    assert (await jeanne.row(connected)).access_token is None


async def test_R16_a_provider_that_fails_is_asked_once(jeanne: Personne, provider: OauthProvider) -> None:
    """A failing provider is asked once, and the user is disconnected all the same."""
    connected = await jeanne.connect()
    asked = len(provider.asked(REVOKE))
    with provider.failing(REVOKE, 503):
        told = await jeanne.own.Disconnect(named(connected))
    assert (told.success, told.revoque, len(provider.asked(REVOKE))) == (True, False, asked + 1)


async def test_R16_what_is_unreadable_is_erased_without_being_revoked(jeanne: Personne, mesh: Mesh) -> None:
    """Tokens of a lost key are erased; the provider is not asked."""
    connected = await jeanne.connect()
    await change(mesh.database("integrations"), connected.integration.id, refresh_token="v1.k0.a.b")
    told = await jeanne.own.Disconnect(named(connected))
    assert (told.success, told.revoque) == (True, False)


async def test_R16_nothing_is_disconnected_twice(jeanne: Personne) -> None:
    """One of five parallel calls succeeds; the others find nothing connected."""
    connected = await jeanne.connect()
    calls = (code_of(jeanne.own.Disconnect(named(connected))) for _ in range(5))
    codes = await asyncio.gather(*calls)
    assert sorted(codes, key=str) == [*[StatusCode.NOT_FOUND] * 4, StatusCode.OK]
    assert (await jeanne.events()).count("INTEGRATION_DISCONNECTED") == 1
    unknown = pb.DisconnectRequest(provider="google", account_id="autre")
    assert await refused(jeanne.own.Disconnect(unknown)) == NOT_FOUND


async def test_R16_accounts_of_others_are_not_there(jeanne: Personne, mesh: Mesh) -> None:
    """Another user cannot disconnect the account, whether he names its owner or not."""
    connected = await jeanne.connect()
    other = Personne("user-autre", mesh, jeanne.provider)
    for user_id in ("", jeanne.user_id):
        request = named(connected)
        request.user_id = user_id
        assert await refused(other.own.Disconnect(request)) == NOT_FOUND
    assert (await jeanne.row(connected)).access_token is not None


async def test_R16_a_disconnected_account_is_shown_on_request(jeanne: Personne) -> None:
    """A disconnected account is listed on request, and connected again in its row."""
    connected = await jeanne.connect(account="compte-a")
    await jeanne.own.Disconnect(named(connected))
    assert not (await jeanne.own.List(pb.ListIntegrationsRequest())).integrations
    everything = pb.ListIntegrationsRequest(inclure_deconnectees=True)
    (listed,) = (await jeanne.own.List(everything)).integrations
    assert (listed.status, listed.is_connected) == ("disconnected", False)
    again = await jeanne.connect(account="compte-a")
    assert (again.integration.id, again.integration.status) == (listed.id, "connected")
    assert (await jeanne.row(again)).deconnecte_le is None
