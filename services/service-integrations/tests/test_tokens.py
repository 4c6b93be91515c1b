"""Tokens handed out, refreshed in time, once for all who ask (R7, R8, R10–R13)."""

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
    """Exactly five minutes left are too few; at its end it is over."""
    end = NOW + timedelta(seconds=seconds)
    assert (needs_refresh(end, NOW), expired(end, NOW)) == (refresh, over)


def test_R8_a_token_without_an_end_is_good_for_ever() -> None:
    """It is neither refreshed nor over."""
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
    """Disconnected wins over expired, expired over error."""
    assert shown_status(status, NOW + timedelta(minutes=minutes), NOW) == shown


async def test_R10_a_fresh_token_is_handed_out(jeanne: Personne, provider: OauthProvider) -> None:
    """As the provider gave it, and nobody is asked."""
    connected = await jeanne.connect()
    asked = len(provider.requests)
    told = await jeanne.token(connected)
    assert (told.access_token in provider.secrets(), told.token_type) == (True, "Bearer")
    assert (told.expires_at, len(provider.requests)) == (connected.integration.expires_at, asked)


async def test_R11_twenty_parallel_calls_make_one_refresh(jeanne: Personne, provider: OauthProvider) -> None:
    """4 min 59 s before the end; all get the new token."""
    connected = await jeanne.connect()
    former = (await jeanne.token(connected)).access_token
    asked = len(provider.refreshes())
    with clock.frozen_at(left(await jeanne.row(connected), minutes=4, seconds=59)):
        told = await asyncio.gather(*(jeanne.token(connected) for _ in range(20)))
    assert len(provider.refreshes()) == asked + 1
    assert len({one.access_token for one in told} - {former}) == 1
    assert (await jeanne.events()).count("TOKEN_REFRESHED") == 1


async def test_R8_with_a_second_more_nobody_is_asked(jeanne: Personne, provider: OauthProvider) -> None:
    """5 min 1 s before the end."""
    connected = await jeanne.connect()
    asked = len(provider.refreshes())
    with clock.frozen_at(left(await jeanne.row(connected), minutes=5, seconds=1)):
        await asyncio.gather(*(jeanne.token(connected) for _ in range(20)))
    assert len(provider.refreshes()) == asked


async def test_R13_a_rotated_refresh_token_is_kept(jeanne: Personne, provider: OauthProvider) -> None:
    """Microsoft's: the next refresh sends the new one."""
    connected = await jeanne.connect("microsoft")
    for _ in range(2):
        await jeanne.own_tokens.Refresh(
            pb.RefreshRequest(provider="microsoft", account_id=connected.account_id)
        )
    sent = [request.parameters["refresh_token"] for request in provider.refreshes("microsoft")[-2:]]
    assert len(set(sent)) == 2


async def test_R13_instagram_is_refreshed_too(jeanne: Personne, provider: OauthProvider) -> None:
    """With the long token itself."""
    connected = await jeanne.connect("instagram")
    before = await jeanne.token(connected)
    request = pb.RefreshRequest(provider="instagram", account_id=connected.account_id)
    assert (await jeanne.own_tokens.Refresh(request)).integration.status == "connected"
    assert (await jeanne.token(connected)).access_token != before.access_token


async def test_R10_without_a_refresh_token_a_token_that_ends_is_expired(
    jeanne: Personne, provider: OauthProvider
) -> None:
    """Even inside the five minutes; before, it is handed out."""
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
    """The account shows an error; a caller who wants the token learns that it is over."""
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
    """An account is no worse because its provider is away."""
    connected = await jeanne.connect()
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    with provider.failing(TOKEN, 503, of="google"):
        told = await refusal(jeanne.own_tokens.Refresh(request))
    assert (told.reason, told.metadata["cause"]) == ("TOKEN_REFRESH_ERROR", "API_ERROR")
    assert "reconnexion" not in told.metadata
    row = await jeanne.row(connected)
    assert (row.status, row.last_error_code, row.echecs) == ("connected", "API_ERROR", 1)


async def test_R13_our_own_fault_keeps_the_status(jeanne: Personne, provider: OauthProvider) -> None:
    """A wrong client secret must not make every user connect again."""
    connected = await jeanne.connect()
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    with provider.failing(TOKEN, 401, of="google", error="invalid_client"):
        told = await refusal(jeanne.own_tokens.Refresh(request))
    assert (told.reason, told.metadata["cause"]) == ("TOKEN_REFRESH_ERROR", "invalid_client")
    assert (await jeanne.row(connected)).status == "connected"


async def test_R13_a_success_ends_an_error(jeanne: Personne, provider: OauthProvider) -> None:
    """Its traces too."""
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
    """As long as it is good, with a warning; then it is over."""
    connected = await jeanne.connect()
    former, row = await jeanne.token(connected), await jeanne.row(connected)
    with provider.failing(TOKEN, 503, of="google"):
        with clock.frozen_at(left(row, seconds=1)):
            assert await jeanne.token(connected) == former
        assert "a token of google that ends soon is handed out" in caplog.text
        with clock.frozen_at(left(row)):
            assert await refused(jeanne.token(connected)) == EXPIRED
    await jeanne.token(connected)  # the circuit of the provider closes again
    assert [secret for secret in provider.secrets() if secret in caplog.text] == []


async def test_R7_envelopes_are_bound_to_their_rows(jeanne: Personne, mesh: Mesh) -> None:
    """Two rows with each other's tokens are both unreadable."""
    first, second = [await jeanne.connect() for _ in range(2)]
    one, other = await jeanne.row(first), await jeanne.row(second)
    database = mesh.database("integrations")
    await change(database, first.integration.id, access_token=other.access_token)
    await change(database, second.integration.id, access_token=one.access_token)
    assert await refused(jeanne.token(first)) == UNREADABLE
    assert await refused(jeanne.token(second)) == UNREADABLE


async def test_R7_the_two_tokens_of_a_row_are_not_taken_for_each_other(jeanne: Personne, mesh: Mesh) -> None:
    """Each is bound to its column; an unreadable refresh token is told as such."""
    connected = await jeanne.connect()
    row = await jeanne.row(connected)
    await change(mesh.database("integrations"), connected.integration.id, refresh_token=row.access_token)
    request = pb.RefreshRequest(provider="google", account_id=connected.account_id)
    assert await refused(jeanne.own_tokens.Refresh(request)) == UNREADABLE
    assert (await jeanne.row(connected)).refresh_lease_until is None


async def test_R10_what_is_not_there_is_told_apart(
    jeanne: Personne, tokens: TokenServiceStub, mesh: Mesh
) -> None:
    """No account, an account without token, one without refresh token."""
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
