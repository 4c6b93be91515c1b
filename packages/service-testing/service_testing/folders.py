"""The folders of tests: what a folder shares ends with it, and its helpers can be imported in any order.

A part of the pytest plugin (`plugin.py`).
"""

import importlib
from collections.abc import Generator
from pathlib import Path

import pytest


class FolderOfTests(pytest.Package):
    """A folder with a conftest, whose fixtures of scope "package" end with its last test.

    Meshes that went on would ask their databases and brokers until the end of the run: twenty idle
    services take an eighth of a processor.
    """

    def setup(self) -> None:
        """Do nothing: a folder of tests has no `__init__.py`, from which other packages are set up."""


@pytest.hookimpl(tryfirst=True)
def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect folders with a conftest as units of their own."""
    if (path / "conftest.py").exists():
        return FolderOfTests.from_parent(parent, path=path)
    return None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Run the tests folder by folder, where pytest would run the asynchronous ones of all folders first."""
    places = {item: number for number, item in enumerate(items)}
    yield
    items.sort(key=places.__getitem__)


def _span_tests() -> None:
    """Make `tests` the package over all folders of that name, before a conftest is loaded.

    pytest would take the first folder that it loads for the whole of it, and the helpers of the
    others would be missing. Raises pytest.UsageError when an installed package has the name.
    """
    package = importlib.import_module("tests")
    if package.__file__ is not None:
        raise pytest.UsageError(f"{package.__file__} hides the tests of this repository: uninstall it")


_span_tests()
