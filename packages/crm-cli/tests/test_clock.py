"""`crm clock`: days that pass at once, for a demonstration or a test, and never in production."""

import pytest
from service_testing.command import Command, up


async def test_the_clock_of_a_mesh_is_told_and_moved(crm: Command) -> None:
    """To an instant of Paris, by a step and back to the real time, which a restart keeps; never backwards."""
    async with up(crm, "clients", "--movable-clock") as running:
        await running.says_once("TOKEN=")
        assert (await crm("clock")).out.endswith(" in Paris, the clock of this machine\n")
        assert (await crm("clock", "2026-02-03T06:00")).out == "2026-02-03 06:00:00 in Paris\n"
        assert (await crm("clock", "+2d")).out.startswith("2026-02-05 06:00:0")
        back = await crm("clock", "2026-02-04")
        assert (back.code, back.out) == (1, "")
        assert back.err.startswith("crm: 2026-02-04 is before 2026-02-05 06:00:0")
        token = (await crm("token")).out.strip()
        assert token.count(".") == 2
    async with up(crm, "clients", "--movable-clock") as running:
        await running.says_once("TOKEN=")
        assert (await crm("clock")).out.startswith("2026-02-05 06:00:")
        assert (await crm("clock", "real")).out.endswith("the clock of this machine\n")


@pytest.mark.parametrize("word", ["tomorrow", "2026-02-30", "+2w"])
async def test_what_is_no_instant_is_refused(crm: Command, word: str) -> None:
    """With the forms that are."""
    async with up(crm, "clients", "--movable-clock") as running:
        await running.says_once("TOKEN=")
        refused = await crm("clock", word)
    assert refused.err == (
        f"crm: {word!r} is no instant: "
        "write 2026-02-03T06:00 (Paris), 2026-02-03, +2d, +3h, +90m, +5s or real\n"
    )


async def test_a_mesh_without_the_option_has_the_clock_of_the_machine(crm: Command) -> None:
    """The sentence says how to start one whose clock moves."""
    refused = await crm("clock", "+1d")
    assert (refused.code, refused.err) == (
        1,
        "crm: no mesh with a movable clock runs here: start it with `crm up --movable-clock`\n",
    )


async def test_production_refuses_it(crm: Command) -> None:
    """Before anything runs."""
    refused = await crm.where(CRM_ENV="production")("up", "clients", "--movable-clock")
    assert (refused.code, refused.err) == (
        1,
        "crm: CLOCK_FILE is refused with CRM_ENV=production: remove it\n",
    )
