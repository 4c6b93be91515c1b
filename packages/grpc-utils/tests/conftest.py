"""Fixtures of the tests of grpc_utils: a probe server and an identity provider."""

import io
from collections.abc import AsyncIterator, Iterator

import pytest
from grpc_utils.telemetry import log_calls_to
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


@pytest.fixture
def output() -> Iterator[io.BytesIO]:
    """Stream that gets the lines of calls."""
    stream = io.BytesIO()
    log_calls_to(stream)
    yield stream
    log_calls_to(None)
