"""Circuits and rates of providers (R19)."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from service_integrations import refusals
from service_integrations.providers.registry import registry
from service_integrations.providers.transport import Transport
from service_kit.outside import Question
from service_testing import eventually
from service_testing.oauth import PROFILE, TOKEN
from tests.elsewhere import Elsewhere, elsewhere, settings


async def refused(there: Elsewhere, of: str = "google", times: int = 1) -> list[dict[str, str]]:
    """Refresh that many times; return what each error says of circuit, rate and status."""
    told = []
    for _ in range(times):
        with pytest.raises(refusals.IntegrationRefusal) as error:
            await there[of].refresh("a-token")
        told.append({k: v for k, v in error.value.metadata.items() if k in ("circuit", "rate", "status")})
    return told


async def asked_and_refused(there: Elsewhere, of: str = "google") -> None:
    """Ask a provider that answers and refuses."""
    with pytest.raises(refusals.ProviderRefused):
        await there[of].refresh("a-token")


async def open_circuit(there: Elsewhere) -> None:
    """Make Google fail five times."""
    with there.provider.failing(TOKEN, 500, of="google"):
        await refused(there, times=5)


async def test_R19_five_failures_open_the_circuit() -> None:
    """The sixth question is API_ERROR with circuit=open and is not sent."""
    async with elsewhere() as there:
        with there.provider.failing(TOKEN, 500):
            assert await refused(there, times=5) == [{"status": "500"}] * 5
            assert await refused(there) == [{"circuit": "open"}]
        assert len(there.provider.asked(TOKEN)) == 5


async def test_R19_network_errors_open_the_circuit() -> None:
    """A question without connection counts as one failure, whatever its attempts."""
    async with elsewhere() as there, there.provider.down():
        assert await refused(there, times=6) == [{}] * 5 + [{"circuit": "open"}]


async def test_R19_timeouts_open_the_circuit() -> None:
    """A question without answer in time counts as a failure."""
    async with elsewhere(oauth_timeout_s=0.02) as there:
        with there.provider.slow():
            assert await refused(there, times=6) == [{}] * 5 + [{"circuit": "open"}]


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_R19_refusals_do_not_open_the_circuit(status: int) -> None:
    """A provider that refuses is well."""
    async with elsewhere() as there:
        with there.provider.failing(TOKEN, status):
            for _ in range(6):
                await asked_and_refused(there)


async def test_R19_an_answer_forgets_the_failures() -> None:
    """Failures count only in a row."""
    async with elsewhere() as there:
        with there.provider.failing(TOKEN, 500):
            await refused(there, times=4)
        await asked_and_refused(there)
        with there.provider.failing(TOKEN, 500):
            assert await refused(there, times=2) == [{"status": "500"}] * 2


async def test_R19_all_operations_of_a_provider_share_its_circuit() -> None:
    """A circuit opened by refreshes holds back the profile, too."""
    async with elsewhere() as there:
        await open_circuit(there)
        with pytest.raises(refusals.ApiError):
            await there["google"].get_profile("a-token")
        assert there.provider.asked(PROFILE) == []


async def test_R19_providers_have_circuits_of_their_own() -> None:
    """Another provider, and another running service, have closed circuits."""
    async with elsewhere() as there:
        await open_circuit(there)
        await asked_and_refused(there, "microsoft")
        other = registry(settings(**there.provider.settings()))
        with pytest.raises(refusals.ProviderRefused):
            await other["google"].refresh("a-token")


async def test_R19_after_thirty_seconds_the_provider_is_asked_once() -> None:
    """One probe goes out after 30 s; its good answer closes the circuit."""
    async with elsewhere() as there:
        await open_circuit(there)
        there.seconds.passed = 29.9
        assert await refused(there) == [{"circuit": "open"}]
        there.seconds.passed = 30.0
        await asked_and_refused(there)
        await asked_and_refused(there)


async def test_R19_a_probe_that_was_given_up_leaves_its_place() -> None:
    """A cancelled probe lets the next question go out."""
    async with elsewhere() as there:
        await open_circuit(there)
        there.seconds.passed = 30.0
        asked = len(there.provider.requests)
        with there.provider.slow():
            probe = asyncio.ensure_future(there["google"].refresh("a-token"))
            await eventually(lambda: len(there.provider.requests) > asked)
            assert await refused(there) == [{"circuit": "open"}]
            probe.cancel()
            await asyncio.wait([probe])
        await asked_and_refused(there)


async def test_C16_an_open_circuit_is_shown() -> None:
    """The metric crm_circuit_open is 1 while the circuit is open."""

    def shown() -> float | None:
        return REGISTRY.get_sample_value("crm_circuit_open", {"callee": "google"})

    async with elsewhere() as there:
        await open_circuit(there)
        opened = shown()
        there.seconds.passed = 30.0
        await asked_and_refused(there)
    assert (opened, shown()) == (1.0, 0.0)


async def test_R19_ten_questions_at_once_and_one_a_second() -> None:
    """The eleventh question is API_ERROR with rate=local and is not sent; a second later one passes."""
    async with elsewhere(rate_google=60) as there:
        for _ in range(10):
            await asked_and_refused(there)
        assert await refused(there) == [{"rate": "local"}]
        there.seconds.passed = 1.0
        await asked_and_refused(there)
        assert await refused(there) == [{"rate": "local"}]
        assert len(there.provider.asked(TOKEN)) == 11


async def test_R19_the_rate_is_a_setting_of_each_provider() -> None:
    """Each provider has a rate of its own."""
    async with elsewhere(rate_google=6, rate_microsoft=12) as there:
        await asked_and_refused(there)
        assert await refused(there) == [{"rate": "local"}]
        await asked_and_refused(there, "microsoft")
        await asked_and_refused(there, "microsoft")
        assert await refused(there, "microsoft") == [{"rate": "local"}]


async def test_R19_a_probe_that_came_too_soon_leaves_its_place() -> None:
    """A probe held back by the rate lets the next question go out."""
    async with elsewhere() as there:
        transport = Transport("google", per_minute=1, timeout=2.0, now=there.seconds)
        question = Question("question", "GET", there.provider.url("google", PROFILE))
        told = []
        with there.provider.failing(PROFILE, 500, times=5):
            for passed in (0, 60, 120, 180, 240, 270, 300):
                there.seconds.passed = float(passed)
                with pytest.raises((refusals.ApiError, refusals.ProviderRefused)) as error:
                    await transport.ask(question, dict)
                told.append(getattr(error.value, "metadata", {}).get("rate", type(error.value).__name__))
    assert told == ["ApiError"] * 5 + ["local", "ProviderRefused"]
