"""Packages are imported by the names that they list, and by no others."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(folder.parent for folder in ROOT.glob("*/*/*/__init__.py") if folder.parts[-4] != "tests")
PACKAGES = {folder.name: folder for folder in FOLDERS if folder.parent.name != "tests"}


def _modules(package: Path) -> Iterator[tuple[Path, ast.ImportFrom]]:
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and _foreign(node.module, package.name):
                yield path, node


def _foreign(module: str, package: str) -> bool:
    root = module.partition(".")[0]
    return root in PACKAGES and root != package


def _unlisted(node: ast.ImportFrom) -> Iterator[str]:
    assert node.module
    root, _, module = node.module.partition(".")
    if module and module not in import_module(root).__all__:
        yield node.module
        return
    face = set(import_module(node.module).__all__)
    yield from (f"{node.module}.{name.name}" for name in node.names if name.name not in face)


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_only_listed_names_are_imported(package: str) -> None:
    """A package lists in `__all__` the names and modules that others may import; so does each such module."""
    found = {
        f"{path.relative_to(ROOT)}:{node.lineno}: {name}"
        for path, node in _modules(PACKAGES[package])
        for name in _unlisted(node)
    }
    assert found == set()


def test_the_tree_has_packages() -> None:
    """The check above looks at every package of the repository."""
    assert PACKAGES.keys() >= {"db_utils", "grpc_utils", "nats_utils", "service_kit", "service_clients"}
