"""The same stories while services are killed, and with a broker that is away for a day."""

import asyncio
import random

import pytest
from service_kit.registry import services
from service_testing.command import Command, Up

from tests.e2e.money.conftest import telling
from tests.e2e.money.disturbance import BrokerAway, Kills

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]


async def test_each_service_is_killed_once(crm: Command) -> None:
    """At a random step, while it does what has become due: each date and figure is the same."""
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    chosen: list[Kills] = []

    def kills(mesh: Up) -> Kills:
        chosen.append(Kills(mesh, services(), seed))
        return chosen[0]

    async with telling(crm, kills) as tasks:
        await asyncio.gather(*tasks.values())
    assert chosen[0].over


async def test_the_broker_is_away_for_a_day(crm: Command) -> None:
    """Twice: on the day of the invoice and on that of the payment. What they cause comes a day later."""
    async with telling(crm, BrokerAway) as tasks:
        await asyncio.gather(*tasks.values())
