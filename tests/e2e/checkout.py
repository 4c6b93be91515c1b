"""A second checkout for tests of the scripts that change one: the same files and the same libraries."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What a checkout has of its own, and what running in it makes.
_OWN = (".git", ".venv", ".crm", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info")
_FETCHED = ("node_modules", "generated")  # what the bun suite fetches and generates
_TYPES = ".mypy_cache/check"  # what scripts/check has found out is good for equal files elsewhere


class Checkout:
    """A copy of this repository, as it is on the disk, with an environment of its own.

    Libraries and programs are links to those of the environment that runs the tests.
    """

    def __init__(self, folder: Path) -> None:
        self.root = Path(shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*_OWN, *_FETCHED)))
        venv = self.root / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        _link(Path(sys.executable).parent, venv / "bin")
        site = Path(sysconfig.get_path("purelib"))
        _link(site, venv / site.relative_to(sys.prefix))
        if (ROOT / _TYPES).exists():
            shutil.copytree(ROOT / _TYPES, self.root / _TYPES)
        for stamp in Path(sys.prefix).glob(".installed-*.lock"):
            shutil.copy(stamp, venv)

    def run(self, *command: str | Path) -> tuple[int, str]:
        """The exit code of *command* at the root of the checkout, and all that it printed."""
        environment = {
            "HOME": os.environ.get("HOME", "/"),
            "PATH": f"{self.root / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
            "MYPY_CACHE_DIR": _TYPES,
        }
        done = subprocess.run(
            command, cwd=self.root, env=environment, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout


def _link(source: Path, target: Path) -> None:
    """Links in *target* to all that *source* has and *target* lacks, but for this project itself."""
    for path in source.iterdir():
        link = target / path.name
        if not link.exists() and "crm" not in path.name:
            link.symlink_to(path)
