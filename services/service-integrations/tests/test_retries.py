"""Repeated questions to a provider (R9), the refusals for its silence (R1), and the log."""

import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from service_integrations import refusals
from service_testing import metric
from service_testing.oauth import PROFILE, REFRESH, TOKEN
from tests.elsewhere import VERIFIER, Elsewhere, elsewhere

Ask = Callable[[Elsewhere], Awaitable[object]]
LOGGER = "service_kit.outside"
FIRST, SECOND = r"0\.(1\d|20)", r"0\.(2\d|30)"  # seconds: 0.1 and 0.2, and up to 0.1 at random


async def refresh(there: Elsewhere) -> object:
    """A refresh, which may be sent again."""
    return await there["google"].refresh("a-token")


async def profile(there: Elsewhere) -> object:
    """A question for the profile, which may be sent again."""
    return await there["google"].get_profile("a-token")


async def exchange(there: Elsewhere) -> object:
    """A code for tokens, which must not be sent twice."""
    return await there["google"].exchange_code("a-code", VERIFIER)


EVERY = [(exchange, TOKEN), (refresh, TOKEN), (profile, PROFILE)]
REPEATABLE = EVERY[1:]


async def raised(there: Elsewhere, ask: Ask) -> Exception:
    """The error with which the question fails."""
    with pytest.raises((refusals.IntegrationRefusal, refusals.ProviderRefused)) as told:
        await ask(there)
    return told.value


async def test_R9_a_provider_that_recovers_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    """A code succeeds after two 503; each failure is logged, and the success with its number."""
    caplog.set_level(logging.INFO, LOGGER)
    async with elsewhere() as there:
        code = await there.code("google")
        with there.provider.failing(TOKEN, 503, times=2):
            assert (await there["google"].exchange_code(code, VERIFIER)).access_token
        assert len(there.provider.asked(TOKEN)) == 3
    first, second, third = [r.getMessage() for r in caplog.records if r.name == LOGGER]
    assert re.fullmatch(rf"google exchange_code: 503 \(attempt 1, again in {FIRST} s\)", first)
    assert re.fullmatch(rf"google exchange_code: 503 \(attempt 2, again in {SECOND} s\)", second)
    assert third == "google exchange_code has succeeded (attempt 3)"


@pytest.mark.parametrize(("ask", "endpoint"), EVERY)
@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_R9_a_provider_that_stays_unavailable_is_asked_three_times(
    ask: Ask, endpoint: str, status: int
) -> None:
    """The third 429, 502, 503 or 504 is API_ERROR, which another try may help."""
    async with elsewhere() as there:
        with there.provider.failing(endpoint, status):
            error = await raised(there, ask)
        assert len(there.provider.asked(endpoint)) == 3
    assert isinstance(error, refusals.ApiError)
    told = {name: error.metadata[name] for name in ("provider", "retryable", "status")}
    assert told == {"provider": "google", "retryable": "true", "status": str(status)}


@pytest.mark.parametrize(("ask", "endpoint"), EVERY)
@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_R9_a_refusal_is_not_asked_for_again(ask: Ask, endpoint: str, status: int) -> None:
    """A refusal is raised at once with the provider's status and code."""
    async with elsewhere() as there:
        with there.provider.failing(endpoint, status, error="invalid_grant"):
            error = await raised(there, ask)
        assert len(there.provider.asked(endpoint)) == 1
    assert isinstance(error, refusals.ProviderRefused)
    assert (error.status, error.error) == (status, "invalid_grant")


@pytest.mark.parametrize(("ask", "endpoint"), EVERY)
@pytest.mark.parametrize("status", [500, 302])
async def test_R9_what_may_have_had_an_effect_is_not_asked_again(
    ask: Ask, endpoint: str, status: int
) -> None:
    """Status 500 and redirections, which are not followed, are API_ERROR at once."""
    async with elsewhere() as there:
        with there.provider.failing(endpoint, status):
            assert isinstance(await raised(there, ask), refusals.ApiError)
        assert len(there.provider.asked(endpoint)) == 1


@pytest.mark.parametrize(("seconds", "waited"), [(1, "1.00"), (0, FIRST), (6, FIRST), (60, FIRST)])
async def test_R9_a_provider_may_ask_for_more_time(
    caplog: pytest.LogCaptureFixture, seconds: int, waited: str
) -> None:
    """Retry-After counts up to five seconds."""
    caplog.set_level(logging.INFO, LOGGER)
    async with elsewhere() as there:
        code = await there.code("google")
        with there.provider.failing(TOKEN, 429, times=1, retry_after=seconds):
            await there["google"].exchange_code(code, VERIFIER)
    assert re.search(rf"429 \(attempt 1, again in {waited} s\)", caplog.text)


@pytest.mark.parametrize(("ask", "endpoint", "times"), [(exchange, TOKEN, 1), (refresh, TOKEN, 3)])
async def test_R9_a_code_that_may_have_arrived_is_not_sent_again(ask: Ask, endpoint: str, times: int) -> None:
    """A code on a connection that was cut is not sent again; other questions are, three times."""
    async with elsewhere() as there:
        with there.provider.failing(endpoint, 0):
            assert isinstance(await raised(there, ask), refusals.NetworkError)
        assert len(there.provider.asked(endpoint)) == times


async def test_R9_instagram_s_code_is_sent_once_too() -> None:
    """Instagram's code is sent once, and no long token is asked for."""
    async with elsewhere() as there:
        with there.provider.failing(TOKEN, 0), pytest.raises(refusals.NetworkError):
            await there["instagram"].exchange_code("a-code", "")
        assert [request.path for request in there.provider.requests] == ["/instagram/token"]


@pytest.mark.parametrize(("ask", "endpoint", "times"), [(exchange, TOKEN, 1), (profile, PROFILE, 3)])
async def test_R9_a_code_that_is_not_answered_is_not_sent_again(ask: Ask, endpoint: str, times: int) -> None:
    """A code without an answer in time is not sent again; other questions are, three times."""
    async with elsewhere(oauth_timeout_s=0.2) as there:
        with there.provider.slow():
            assert isinstance(await raised(there, ask), refusals.TimeoutError)
        assert len(there.provider.asked(endpoint)) == times


@pytest.mark.parametrize("ask", [ask for ask, _ in EVERY])
async def test_R9_a_provider_that_is_away_is_called_three_times(
    caplog: pytest.LogCaptureFixture, ask: Ask
) -> None:
    """Every question is tried three times when no connection is made: it was surely not sent."""
    caplog.set_level(logging.INFO, LOGGER)
    async with elsewhere() as there, there.provider.down():
        assert isinstance(await raised(there, ask), refusals.NetworkError)
    assert [r.getMessage().split("attempt ")[1][0] for r in caplog.records if r.name == LOGGER] == [*"123"]
    assert "has failed: ConnectError (attempt 3)" in caplog.text


@pytest.mark.parametrize(("ask", "endpoint"), EVERY)
@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b'"text"', b"\xff", b"{}", b"{" * 100_000])
async def test_R1_nonsense_is_an_api_error(ask: Ask, endpoint: str, body: bytes) -> None:
    """An answer that is no JSON object, or lacks the fields, is API_ERROR at once."""
    async with elsewhere() as there:
        with there.provider.babbling(endpoint, body):
            assert isinstance(await raised(there, ask), refusals.ApiError)
        assert len(there.provider.asked(endpoint)) == 1


@pytest.mark.parametrize("of", ["google", "microsoft", "instagram"])
async def test_R9_every_provider_is_asked_with_the_same_patience(of: str) -> None:
    """A refresh is tried three times at each provider."""
    async with elsewhere() as there:
        endpoint = REFRESH if of == "instagram" else TOKEN
        with there.provider.failing(endpoint, 503, of=of), pytest.raises(refusals.ApiError):
            await there[of].refresh("a-token")
        assert len(there.provider.refreshes(of)) == 3


async def test_R21_retries_are_counted() -> None:
    """Attempts after the first are counted by operation and provider."""
    counted = partial(metric, "int_retries_total", operation="refresh", provider="microsoft")
    former = counted()
    async with elsewhere() as there:
        with there.provider.failing(TOKEN, 503), pytest.raises(refusals.ApiError):
            await there["microsoft"].refresh("a-token")
    assert counted() == former + 2


@pytest.mark.parametrize("of", ["google", "microsoft", "instagram"])
async def test_C16_logs_and_errors_hold_no_secret(caplog: pytest.LogCaptureFixture, of: str) -> None:
    """Codes, verifiers, tokens and client secrets are in no log line and no error.

    Those of the HTTP library, which shows whole addresses, are switched off where services log.
    """
    caplog.set_level(logging.DEBUG)
    errors: list[Exception] = []
    async with elsewhere() as there:
        tokens = await there.connect(of)
        await there[of].get_profile(tokens.access_token)
        await there[of].refresh(tokens.refresh_token)
        for endpoint, status in [(TOKEN, 503), (TOKEN, 400), (REFRESH, 500), (PROFILE, 0)]:
            with there.provider.failing(endpoint, status):
                errors.append(await failure(there[of].get_profile(tokens.access_token)))
                errors.append(await failure(there[of].refresh(tokens.refresh_token)))
        secrets = [*there.provider.secrets(), VERIFIER]
    told = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    told += [f"{error!r} {getattr(error, 'metadata', '')} {tokens!r}" for error in errors]
    assert [secret for secret in secrets for line in told if secret in line] == []


async def failure(call: Awaitable[object]) -> Exception:
    """The error with which *call* fails, or one that says it did not."""
    try:
        await call
    except (refusals.IntegrationRefusal, refusals.ProviderRefused) as error:
        return error
    return Exception("no failure")
