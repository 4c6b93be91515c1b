"""Fixtures of the tests of grpc_utils: a probe server and an identity provider."""

from collections.abc import AsyncIterator

import pytest
from service_testing.issuer import IdentityProvider, identity_provider
from service_testing.probe import Probe
from service_testing.probe import probe as running_probe


@pytest.fixture(scope="package")
async def probe() -> AsyncIterator[Probe]:
    """One server for all hostile calls, because it must survive every one of them."""
    async with running_probe() as probe:
        yield probe


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    """An identity provider for one test."""
    async with identity_provider() as provider:
        yield provider
