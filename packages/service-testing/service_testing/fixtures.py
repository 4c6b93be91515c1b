"""The fixtures that tests of any folder may ask for."""

from pathlib import Path

import pytest

from service_testing.command import Command


@pytest.fixture
def crm(tmp_path: Path) -> Command:
    """The `crm` command with a folder of its own, its name as awkward as a person's may be."""
    return Command.at(tmp_path / "home of the mesh")
