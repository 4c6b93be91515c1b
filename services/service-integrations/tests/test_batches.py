"""Many refreshes: five at a time, in order, one failure stopping no other (R14, R15)."""

import asyncio
from datetime import timedelta

import pytest
from crm.integrations import integrations_pb2 as pb
from crm.integrations.integrations_pb2_grpc import TokenServiceStub
from db_utils import clock
from grpc import StatusCode
from service_integrations.housekeeping import refresh_due
from service_integrations.refreshes import by_fives
from service_integrations.settings import IntegrationsSettings
from service_kit import App
from service_testing import refused
from service_testing.oauth import TOKEN, OauthProvider
from tests.titulaires import Personne, change

MINUTE = timedelta(minutes=1)


def asked(connected: pb.HandleCallbackResponse) -> pb.RefreshRequest:
    """The request to refresh *connected*."""
    return pb.RefreshRequest(
        user_id=connected.user_id,
        provider=connected.integration.provider,
        account_id=connected.account_id,
    )


async def test_R14_five_are_under_way_and_the_next_five_wait_for_all_of_them() -> None:
    """The results are in the order of the questions; five run together, then the next five."""
    under_way: list[int] = []
    most: list[list[int]] = []

    async def work(number: int) -> int:
        under_way.append(number)
        most.append([*under_way])
        await asyncio.sleep(0)  # lets the others run
        under_way.remove(number)
        return number * 10

    assert await by_fives(range(12), work) == [number * 10 for number in range(12)]
    assert max(most, key=len) == [0, 1, 2, 3, 4]
    assert [5, 6, 7, 8, 9] in most
    assert [10, 11] in most


async def test_R14_successes_and_failures_are_told_in_order(
    jeanne: Personne, tokens: TokenServiceStub, provider: OauthProvider
) -> None:
    """Each failure has its code and says whether another try may help."""
    first, second, third = [await jeanne.connect(code) for code in ("google", "microsoft", "google")]
    unknown = pb.RefreshRequest(user_id=jeanne.user_id, provider="google", account_id="autre")
    with provider.failing(TOKEN, 400, of="microsoft", error="invalid_grant"):
        told = await tokens.BatchRefresh(
            pb.BatchRefreshRequest(requests=[unknown, asked(third), asked(second), asked(first)])
        )
    assert [one.id for one in told.integrations] == [third.integration.id, first.integration.id]
    failures = [(one.user_id, one.provider, one.account_id, one.code, one.retryable) for one in told.echecs]
    assert failures == [
        (jeanne.user_id, "google", "autre", "ACCOUNT_NOT_FOUND", False),
        (jeanne.user_id, "microsoft", second.account_id, "TOKEN_REFRESH_ERROR", True),
    ]


@pytest.mark.parametrize("count", [0, 101])
async def test_R14_a_batch_has_one_to_a_hundred(tokens: TokenServiceStub, count: int) -> None:
    """Batches of none and of 101 are INVALID_ARGUMENT."""
    request = pb.BatchRefreshRequest(requests=[pb.RefreshRequest()] * count)
    code, _ = await refused(tokens.BatchRefresh(request))
    assert code == StatusCode.INVALID_ARGUMENT


async def due(
    app: App[IntegrationsSettings], connected: pb.HandleCallbackResponse, after: timedelta, **columns: object
) -> None:
    """Set the end of the token of *connected* to *after* from now."""
    end = clock.now() + after
    await change(app.database, connected.integration.id, expires_at=end, **columns)


async def test_R15_what_ends_within_ten_minutes_is_refreshed(
    jeanne: Personne, app: App[IntegrationsSettings]
) -> None:
    """Accounts that lack a permission are refreshed; later ends, errors and disconnected ones are not."""
    soon, over, later, lost = [await jeanne.connect() for _ in range(4)]
    await due(app, soon, 10 * MINUTE - timedelta(seconds=5), scopes_manquants=["https://mail.google.com/"])
    await due(app, over, -MINUTE)
    await due(app, later, 11 * MINUTE)
    await due(app, lost, MINUTE, status="error")
    for _ in range(2):
        await refresh_due(app)
    refreshed = [line.account_id for line in await jeanne.lines("TOKEN_REFRESHED")]
    assert sorted(refreshed) == sorted((soon.account_id, over.account_id))


async def test_R15_the_oldest_end_first(jeanne: Personne, app: App[IntegrationsSettings]) -> None:
    """The account that ends last is refreshed last: five run together, and it is the sixth."""
    accounts = [await jeanne.connect() for _ in range(6)]
    for minutes, connected in zip((1, 2, 6, 3, 4, 5), accounts, strict=True):
        await due(app, connected, minutes * MINUTE)
    await refresh_due(app)
    refreshed = [line.account_id for line in await jeanne.lines("TOKEN_REFRESHED")]
    assert (len(refreshed), refreshed[-1]) == (6, accounts[2].account_id)


async def test_R15_after_three_failures_an_account_waits_to_be_asked_for(
    jeanne: Personne, app: App[IntegrationsSettings], provider: OauthProvider
) -> None:
    """A caller's refresh is tried all the same, and its success brings the account back into the job."""
    connected = await jeanne.connect()
    await due(app, connected, 6 * MINUTE)
    with provider.failing(TOKEN, 401, of="google", error="invalid_client"):
        for _ in range(5):
            await refresh_due(app)
    assert len(await jeanne.lines("TOKEN_REFRESH_FAILED")) == 3
    await jeanne.own_tokens.Refresh(asked(connected))
    await due(app, connected, 6 * MINUTE)
    await refresh_due(app)
    assert len(await jeanne.lines("TOKEN_REFRESHED")) == 2


async def test_R2_the_job_works_under_an_id_of_its_own(
    jeanne: Personne, app: App[IntegrationsSettings]
) -> None:
    """Lines of the job carry a correlation id that the job has made."""
    connected = await jeanne.connect()
    await due(app, connected, MINUTE)
    await refresh_due(app)
    (line,) = await jeanne.lines("TOKEN_REFRESHED")
    assert line.correlation_id.startswith("int-")
