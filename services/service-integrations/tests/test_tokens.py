"""Tokens handed out and refreshed in time, once for all who ask (R7, R8, R10–R13)."""

import asyncio
from datetime import timedelta

import pytest
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import TokenServiceStub
from db_utils import clock
from grpc import StatusCode
from service_integrations.rules import expired, needs_refresh, shown_status
from service_testing import Mesh, refusal, refused
from service_testing.oauth import TOKEN, OauthProvider
from tests.titulaires import Personne, change, left

EXPIRED = (StatusCode.FAILED_PRECONDITION, "TOKEN_EXPIRED")
UNREADABLE = (StatusCode.INTERNAL, "GET_TOKEN_ERROR")
NOT_FOUND = (StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
NOW = clock.now()


@pytest.mark.parametrize(
    ("seconds", "refresh", "over"),
    [(301, False, False), (300, True, False), (299, True, False), (1, True, False), (0, True, True)],
)
def test_R8_a_token_is_refreshed_five_minutes_before_its_end(seconds: int, refresh: bool, over: bool) -> None:
    """A token with exactly five minutes left is due; with none left it is expired."""
    end = NOW + timedelta(seconds=seconds)
    assert (needs_refresh(end, NOW), expired(end, NOW)) == (refresh, over)


def test_R8_a_token_without_an_end_is_good_for_ever() -> None:
    """A token without an end is neither due nor expired."""
    assert (needs_refresh(None, NOW), expired(None, NOW)) == (False, False)


@pytest.mark.parametrize(
    ("status", "minutes", "shown"),
    [
        ("connected", 1, "connected"),
        ("connected", 0, "expired"),
        ("error", 1, "error"),
        ("error", 0, "expired"),
        ("disconnected", 0, "disconnected"),
    ],
)
def test_R12_the_status_shown_follows_from_row_and_time(status: str, minutes: int, shown: str) -> None:
    """The status disconnected comes before expired, and expired before error."""
    assert shown_status(status, NOW + timedelta(minutes=minutes), NOW) == shown


async def test_R10_a_fresh_token_is_handed_out(jeanne: Personne, provider: OauthProvider) -> None:
    """The provider's token is answered, and the provider is not asked."""
    connected = await jeanne.connect()
    asked = len(provider.requests)
    told = await jeanne.token(connected)
    assert (told.access_token in provider.secrets(), told.token_type) == (True, "Bearer")
    assert (told.expires_at, len(provider.requests)) == (connected.integration.expires_at, asked)


async def test_R11_twenty_parallel_calls_make_one_refresh(jeanne: Personne, provider: OauthProvider) -> None:
    """Twenty calls 4 min 59 s before the end ask once and get one new token."""
    connected = await jeanne.connect()
    former = (await jeanne.token(connected)).access_token
    asked = len(provider.refreshes())
    with clock.frozen_at(left(await jeanne.row(connected), minutes=4, seconds=59)):
        told = await asyncio.gather(*(jeanne.token(connected) for _ in range(20)))
    assert len(provider.refreshes()) == asked + 1
    assert len({one.access_token for one in told} - {former}) == 1
    assert (await jeanne.events()).count("TOKEN_REFRESHED") == 1


async def test_R8_with_a_second_more_nobody_is_asked(jeanne: Personne, provider: OauthProvider) -> None:
    """Twenty calls 5 min 1 s before the end ask nobody."""
    connected = await jeanne.connect()
    asked = len(provider.refreshes())
    with clock.frozen_at(left(await jeanne.row(connected), minutes=5, seconds=1)):
        await asyncio.gather(*(jeanne.token(connected) for _ in range(20)))
    assert len(provider.refreshes()) == asked


async def test_R13_a_rotated_refresh_token_is_kept(jeanne: Personne, provider: OauthProvider) -> None:
    """The second refresh sends the refresh token that the first one brought."""
    connected = await jeanne.connect("microsoft")
    for _ in range(2):
        await jeanne.own_tokens.Refresh(
            pb.RefreshRequest(provider="microsoft", account_id=connected.account_id)
        )
    sent = [request.parameters["refresh_token"] for request in provider.refreshes("microsoft")[-2:]]
    assert len(set(sent)) == 2


async def test_R13_instagram_is_refreshed_too(jeanne: Personne, provider: OauthProvider) -> None:
    """The long token of Instagram refreshes itself."""
    connected = await jeanne.connect("instagram")
    before = await jeanne.token(connected)
    request = pb.RefreshRequest(provider="instagram", account_id=connected.account_id)
    assert (await jeanne.own_tokens.Refresh(request)).integration.status == "connected"
    assert (await jeanne.token(connected)).access_token != before.access_token


async def test_R10_without_a_refresh_token_a_token_that_ends_is_expired(
    jeanne: Personne, provider: OauthProvider
) -> None:
    """The token is refused from five minutes before its end, and handed out until then."""
    with provider.telling(TOKEN, of="google", refresh_token=None):
        connected = await jeanne.connect()
    row = await jeanne.row(connected)
    with clock.frozen_at(left(row, minutes=5)):
        assert await refused(jeanne.token(connected)) == EXPIRED
    with clock.frozen_at(left(row, minutes=5, seconds=1)):
        assert (await jeanne.token(connected)).access_token


async def test_R13_a_refusal_of_the_provider_asks_to_reconnect(
    jeanne: Personne, provider: OauthProvider, tokens: TokenServiceStub
) -> None:
    """The account shows an error, and GetAccessToken is TOKEN_EXPIRED."""
    connected = await jeanne.connect()
    names = {"user_id": jeanne.user_id, "provider": "google", "account_id": connected.account_id}
    with provider.failing(TOKEN, 400, of="google", error="invalid_grant"):
        told = await refusal(tokens.Refresh(pb.RefreshRequest(**names)))
        with clock.frozen_at(left(await jeanne.row(connected), minutes=4)):
            assert await refused(jeanne.token(connected)) == EXPIRED
    assert (told.code, told.reason) == (StatusCode.UNAVAILABLE, "TOKEN_REFRESH_ERROR")
    assert (told.metadata["reconnexion"], told.metadata["retryable"]) == ("true", "true")
    (shown,) = (await jeanne.own.List(pb.ListIntegrationsRequest())).integrations
    assert (shown.status, shown.is_connected, shown.last_error_code) == ("error", False, "invalid_grant")
    assert [line.erreur for line in await jeanne.lines("TOKEN_REFRESH_FAILED")] == ["400 invalid_grant"] * 2


async def test_R13_network_trouble_keeps_the_status(jeanne: Personne, provider: OauthProvider) -> None:
    """A provider that is away is counted and leaves the account connected."""
    connected = await jeanne.connect()
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    with provider.failing(TOKEN, 503, of="google"):
        told = await refusal(jeanne.own_tokens.Refresh(request))
    assert (told.reason, told.metadata["cause"]) == ("TOKEN_REFRESH_ERROR", "API_ERROR")
    assert "reconnexion" not in told.metadata
    row = await jeanne.row(connected)
    assert (row.status, row.last_error_code, row.echecs) == ("connected", "API_ERROR", 1)


async def test_R13_our_own_fault_keeps_the_status(jeanne: Personne, provider: OauthProvider) -> None:
    """A wrong client secret of ours leaves the account connected."""
    connected = await jeanne.connect()
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    with provider.failing(TOKEN, 401, of="google", error="invalid_client"):
        told = await refusal(jeanne.own_tokens.Refresh(request))
    assert (told.reason, told.metadata["cause"]) == ("TOKEN_REFRESH_ERROR", "invalid_client")
    assert (await jeanne.row(connected)).status == "connected"


async def test_R13_a_success_ends_an_error(jeanne: Personne, provider: OauthProvider) -> None:
    """A successful refresh clears status, error and count."""
    connected = await jeanne.connect()
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    with provider.failing(TOKEN, 400, of="google", error="invalid_grant"):
        await refused(jeanne.own_tokens.Refresh(request))
    integration = (await jeanne.own_tokens.Refresh(request)).integration
    row = await jeanne.row(connected)
    assert (integration.status, row.last_error_code, row.echecs) == ("connected", None, 0)


async def test_R10_while_the_provider_is_away_the_old_token_is_handed_out(
    jeanne: Personne, provider: OauthProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """The old token is handed out with a warning until its end, then TOKEN_EXPIRED."""
    connected = await jeanne.connect()
    former, row = await jeanne.token(connected), await jeanne.row(connected)
    with provider.failing(TOKEN, 503, of="google"):
        with clock.frozen_at(left(row, seconds=1)):
            assert await jeanne.token(connected) == former
        assert "a token of google that ends soon is handed out" in caplog.text
        with clock.frozen_at(left(row)):
            assert await refused(jeanne.token(connected)) == EXPIRED
    await jeanne.token(connected)  # this success closes the circuit of the provider again
    assert [secret for secret in provider.secrets() if secret in caplog.text] == []


async def test_R7_envelopes_are_bound_to_their_rows(jeanne: Personne, mesh: Mesh) -> None:
    """Two rows that hold each other's tokens are both unreadable."""
    first, second = [await jeanne.connect() for _ in range(2)]
    one, other = await jeanne.row(first), await jeanne.row(second)
    database = mesh.database("integrations")
    await change(database, first.integration.id, access_token=other.access_token)
    await change(database, second.integration.id, access_token=one.access_token)
    assert await refused(jeanne.token(first)) == UNREADABLE
    assert await refused(jeanne.token(second)) == UNREADABLE


async def test_R7_the_two_tokens_of_a_row_are_not_taken_for_each_other(jeanne: Personne, mesh: Mesh) -> None:
    """An access token in the column of the refresh token is unreadable."""
    connected = await jeanne.connect()
    row = await jeanne.row(connected)
    await change(mesh.database("integrations"), connected.integration.id, refresh_token=row.access_token)
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    assert await refused(jeanne.own_tokens.Refresh(request)) == UNREADABLE
    assert (await jeanne.row(connected)).refresh_lease_until is None


async def test_R10_what_is_not_there_is_told_apart(
    jeanne: Personne, tokens: TokenServiceStub, mesh: Mesh
) -> None:
    """A missing account, access token and refresh token have codes of their own."""
    connected = await jeanne.connect()
    for names in (
        {"user_id": jeanne.user_id, "provider": "google", "account_id": "autre"},
        {"user_id": jeanne.user_id, "provider": "microsoft", "account_id": connected.account_id},
        {"user_id": "user-autre", "provider": "google", "account_id": connected.account_id},
        {"user_id": "", "provider": "google", "account_id": connected.account_id},
    ):
        assert await refused(tokens.GetAccessToken(pb.GetAccessTokenRequest(**names))) == NOT_FOUND
        assert await refused(tokens.Refresh(pb.RefreshRequest(**names))) == NOT_FOUND
    none: dict[str, str | None] = {"access_token": None, "refresh_token": None}
    await change(mesh.database("integrations"), connected.integration.id, **none)
    failed = StatusCode.FAILED_PRECONDITION
    assert await refused(jeanne.token(connected)) == (failed, "NO_ACCESS_TOKEN")
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    assert await refused(jeanne.own_tokens.Refresh(request)) == (failed, "NO_REFRESH_TOKEN")
