"""Measures of every call, by its result (R21)."""

import inspect
from functools import partial

from crm.integrations import integrations_pb2 as pb
from service_integrations.service import SERVICE
from service_testing import metric, refused
from tests.titulaires import Personne


def ended(operation: str, provider: str, result: str) -> float:
    """The number of times that an operation has ended with *result*."""
    return metric("int_operations_total", operation=operation, provider=provider, result=result)


async def test_R21_calls_are_counted_by_provider_and_result(jeanne: Personne) -> None:
    """The result is OK or a reason of R1; an unknown provider is counted without its name."""
    begin = "IntegrationService/InitiateOAuth"
    before = [ended(begin, "google", "OK"), ended(begin, "", "INVALID_PROVIDER")]
    await jeanne.begin()
    await refused(jeanne.begin("facebook"))
    after = [ended(begin, "google", "OK"), ended(begin, "", "INVALID_PROVIDER")]
    assert after == [count + 1 for count in before]


async def test_R21_refreshes_are_counted_by_what_the_provider_has_said(jeanne: Personne) -> None:
    """Refreshes are counted by provider and result."""
    connected = await jeanne.connect("instagram")
    before = ended("refresh", "instagram", "OK")
    await jeanne.own_tokens.Refresh(pb.RefreshRequest(provider="instagram", account_id=connected.account_id))
    assert ended("refresh", "instagram", "OK") == before + 1


async def test_R21_durations_are_measured(jeanne: Personne) -> None:
    """Durations are measured in seconds."""
    measured = partial(metric, "int_operation_seconds_count", operation="IntegrationService/ListProviders")
    before = measured()
    await jeanne.own.ListProviders(pb.ListProvidersRequest())
    assert measured() == before + 1


def test_R21_no_handler_is_left_out() -> None:
    """Each handler of each servicer is wrapped."""
    for servicer in SERVICE.servicers:
        handlers = [
            member
            for name, member in vars(servicer).items()
            if inspect.iscoroutinefunction(member) and not name.startswith("_")
        ]
        assert handlers
        assert all(hasattr(handler, "__wrapped__") for handler in handlers)
