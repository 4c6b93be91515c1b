"""Hatchling's hooks: packages and entry points come from the tree, see `tree.py`.

A wheel holds what production runs; an editable installation also has what tests and measures.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

sys.path.insert(0, str(Path(__file__).parent))
import tree


class Build(BuildHookInterface[Any]):
    """Says which folders are installed."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Tell hatchling the packages before it looks for any."""
        folders = [folder.relative_to(tree.ROOT) for folder in tree.packages()]
        if version == "editable":
            self.build_config.target_config["dev-mode-dirs"] = [str(folder.parent) for folder in folders]
            return
        installed = [folder for folder in folders if folder.name not in tree.DEVELOPMENT]
        build_data["force_include"].update({str(tree.ROOT / folder): folder.name for folder in installed})


class Metadata(MetadataHookInterface):
    """Says which services, edges and commands there are."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the entry points."""
        metadata["entry-points"] = tree.entry_points()
