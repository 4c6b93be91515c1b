"""Calls that pages tell people to make exist."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS, CONTRACTS = ROOT / "docs", ROOT / "packages/contracts"
PAGES = [page for page in sorted(DOCS.glob("*.md")) if page.name != "contributing.md"]
_CALL = re.compile(r"\b([A-Z]\w+Service)/([A-Z]\w+)")


def calls() -> set[str]:
    """Every RPC of the contracts, as Service/Method."""
    files = [
        importlib.import_module(".".join(path.relative_to(CONTRACTS).with_suffix("").parts)).DESCRIPTOR
        for path in CONTRACTS.glob("crm/*/*_pb2.py")
    ]
    return {
        f"{service.name}/{method.name}"
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_call_that_a_page_names_is_in_the_contracts(page: Path) -> None:
    """In French and English sentences alike: `SepaService/ListRemises`."""
    assert {"/".join(one) for one in _CALL.findall(page.read_text())} <= calls()
