"""Fixtures: the stories, told side by side on a mesh whose days pass at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from service_kit.registry import services
from service_testing.command import Command, Up, up

from tests.e2e.money.bank import bank
from tests.e2e.money.collection import Collection
from tests.e2e.money.commands import set_clock
from tests.e2e.money.disturbance import Quiet
from tests.e2e.money.person import channels_of, person_of
from tests.e2e.money.sale import SOCIETE_IBAN, sell
from tests.e2e.money.stories import STORIES, Story
from tests.e2e.money.timeline import Timeline

FIRST_DAY = "2026-01-12"
Told = dict[str, asyncio.Task[None]]


@pytest.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    """Each story by name, on its way, with nothing to disturb it."""
    crm = Command.at(tmp_path_factory.mktemp("money") / "mesh")
    async with telling(crm, lambda mesh: Quiet()) as tasks:
        yield tasks


@asynccontextmanager
async def telling(crm: Command, disturbed: Callable[[Up], Quiet]) -> AsyncIterator[Told]:
    """Tell every story on a new mesh; the tasks by name, which end with the context."""
    async with AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(up(crm, "--movable-clock"))
        channels = await stack.enter_async_context(channels_of(mesh, services()))
        await set_clock(mesh.crm, f"{FIRST_DAY}T09:00")
        disturbance = disturbed(mesh)
        timeline = Timeline(mesh.crm, len(STORIES), disturbance.moved)
        tasks: Told = {}
        for name, story in STORIES.items():
            its_bank = await stack.enter_async_context(bank(FIRST_DAY))
            await its_bank.open_account(SOCIETE_IBAN)
            sale = await sell(await person_of(mesh.crm, f"org-{name}", channels))
            collection = Collection(sale, its_bank, timeline, disturbance)
            tasks[name] = asyncio.create_task(_told(story, collection), name=name)
        try:
            yield tasks
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _told(story: Story, collection: Collection) -> None:
    async with collection.timeline.told():
        await story(collection)
