"""The modules that tests share."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_helpers_of_tests_have_names_of_their_own() -> None:
    """`tests` is one package over all folders of that name: of two modules alike, one would be hidden."""
    folders = [ROOT / "tests", *ROOT.glob("packages/*/tests"), *ROOT.glob("services/*/tests")]
    names = Counter(
        path.relative_to(folder)
        for folder in folders
        for path in folder.rglob("*.py")
        if not path.name.startswith(("test_", "conftest"))
    )
    assert [str(name) for name, times in names.items() if times > 1] == []
