"""The modules that tests share."""

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from service_testing.folders import FolderOfTests
from service_testing.forked import ForkedCommand

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


def test_folders_may_be_named_in_any_order() -> None:
    """The helpers of each are found, also when the folder of another one was loaded first."""
    folders = ["services/service-relance", "tests/conformance/test_edges.py", "packages/user-sync"]
    collecting = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", *folders]
    told = subprocess.run(collecting, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, ""), told.stdout


def test_what_a_folder_shares_ends_with_it(request: pytest.FixtureRequest) -> None:
    """Its fixtures of scope "package" belong to the folder, not to the whole run."""
    folder = request.node.getparent(FolderOfTests)
    assert folder is not None
    assert folder.path == Path(__file__).parent


async def test_a_command_has_ended_when_its_pipe_is_closed() -> None:
    """Not when its exit code is read: a loop that ends in between would find the pipe open."""
    end = asyncio.StreamReader()
    end.feed_data(b"0\n")
    waiting = asyncio.create_task(ForkedCommand(0, None, None, end).wait())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    end.feed_eof()
    assert await waiting == 0
