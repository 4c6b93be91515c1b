"""Settings that are folders to be kept."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings
from service_kit import Kept, kept_folders
from service_kit.registry import service_named
from service_testing import running


class Keeping(BaseSettings):
    """Settings with a kept folder and with one that is not."""

    archive_folder: Annotated[Path, Kept("archive")] = Field(Path(".crm/archive"), description="kept")
    cache_folder: Path = Path(".crm/cache")


def test_the_marked_folders_are_found() -> None:
    """By their settings, with their names."""
    assert kept_folders(Keeping) == {"archive_folder": "archive"}


async def test_a_test_mesh_keeps_nothing_in_the_checkout() -> None:
    """The folder of each of its services is there, empty, and elsewhere."""
    async with running(service_named("documents")) as mesh:
        root: Path = mesh["documents"].settings.model_dump()["stockage_racine"]
        inside = root.is_relative_to(Path(__file__).parents[3])
        assert (os.listdir(root), inside) == ([], False)
