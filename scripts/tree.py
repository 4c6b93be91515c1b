"""The packages of this repository, read from its folders: a new service is found by being there.

The build (`build.py`) takes its packages and entry points from here, `./scripts/check` the paths
of mypy and the layers of import-linter: `python scripts/tree.py mypy-path|layers`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "packages/contracts/crm"
DEVELOPMENT = ("service_testing", "crm_bench")  # never part of what production installs

# Who may import whom: each layer only those below it; the services between edges and user_sync.
ABOVE = ("crm_bench", "service_testing", "crm_cli")
BELOW = ("user_sync", "service_kit", "grpc_utils | nats_utils", "db_utils | pdf_utils | trace_utils", "crm")


def packages() -> list[Path]:
    """The folder of each Python package, that of the contracts first."""
    found = (path.parent for top in ("packages", "services") for path in ROOT.glob(f"{top}/*/*/__init__.py"))
    return [CONTRACTS, *sorted(folder for folder in found if folder.name not in ("tests", "crm"))]


def services() -> list[Path]:
    """The packages of the services and of the gateway."""
    return [folder for folder in packages() if folder.parent.parent.name == "services"]


def entry_points() -> dict[str, dict[str, str]]:
    """What the `crm` command finds: services, edges and the commands that either and tools add.

    A package has a `service.py` with SERVICE, or an `edge.py` with a value of its own name in
    capitals; the commands in a `commands.py` are a value with the name of its service or tool.
    """
    found: dict[str, dict[str, str]] = {
        "crm.services": {},
        "crm.edges": {},
        "crm.commands": {},
        "crm.tools": {},
    }
    for folder in packages():
        name = folder.name.removeprefix("service_").removeprefix("crm_")
        group = "crm.commands" if folder in services() else "crm.tools"
        for file, target, value in (
            ("service.py", "crm.services", "SERVICE"),
            ("edge.py", "crm.edges", name.upper()),
            ("commands.py", group, name),
        ):
            if (folder / file).exists() and folder.name not in ("service_kit", "crm_cli"):
                found[target][name] = f"{folder.name}.{file.removesuffix('.py')}:{value}"
    return {group: names for group, names in found.items() if names}


def layers() -> Iterator[str]:
    """The configuration of import-linter."""
    siblings = " | ".join(folder.name for folder in services())
    yield from ("[importlinter]", "root_packages =", *(f"    {folder.name}" for folder in packages()))
    yield from ("[importlinter:contract:layers]", "name = imports go one way", "type = layers", "layers =")
    yield from (f"    {layer}" for layer in (*ABOVE, siblings, *BELOW))


def mypy_path() -> str:
    """The folders in which mypy finds the packages."""
    return ":".join(str(folder.parent.relative_to(ROOT)) for folder in packages())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["mypy-path"]:
            print(mypy_path())
        case ["layers"]:
            print("\n".join(layers()))
        case _:
            sys.exit(__doc__)
