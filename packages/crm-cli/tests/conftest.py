"""The `crm` command for the tests of this folder and below."""

from pathlib import Path

import pytest
from service_testing.command import Command


@pytest.fixture
def crm(tmp_path: Path) -> Command:
    """The command with a folder of its own, its name as awkward as a person's may be."""
    return Command.at(tmp_path / "home of the mesh")
