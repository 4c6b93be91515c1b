"""A euro from the contract to the commission, its way back, and its way back after weeks."""

import asyncio

import pytest

from tests.e2e.money.stories import STORIES


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", STORIES)
async def test_each_date_and_figure_of_a_story(told: dict[str, asyncio.Task[None]], name: str) -> None:
    """Through all services that it touches; the page of `stories.py` tells them."""
    await told[name]
