"""Judges of what we make, Java programs and rules, fetched by Maven (`./scripts/test --maven`).

Maven keeps what it has fetched in its own repository, so that it is fetched once.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

_PATIENCE = 600  # seconds
_VALID = re.compile(r"Testing file [0-9]+: +valid ")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A jar by its coordinates."""

    group: str
    name: str
    version: str

    @property
    def kept(self) -> Path:
        """Where Maven keeps it."""
        folder = Path.home() / ".m2/repository" / self.group.replace(".", "/") / self.name / self.version
        return folder / f"{self.name}-{self.version}.jar"


VERAPDF = Artifact("org.verapdf.apps", "greenfield-apps", "1.28.2")
MUSTANG = Artifact("org.mustangproject", "Mustang-CLI", "2.26.0")


def judged_by_verapdf(flavour: str, files: Sequence[Path]) -> str:
    """What veraPDF says of *files*, "" when all of them keep to *flavour*, such as 2b.

    Skips the test where Java or Maven is missing, or Maven reaches nothing.
    """
    command = [
        *("java", "-cp", str(jar_of(VERAPDF)), "org.verapdf.apps.GreenfieldCliWrapper"),
        *("--flavour", flavour, "--format", "text", "-v", *map(str, files)),
    ]
    return _verdict(command)


def judged_by_mustang(folder: Path) -> str:
    """What Mustang says of the Factur-X files in *folder*, "" when each of them is valid.

    Skips the test where Java or Maven is missing, or Maven reaches nothing.
    """
    judging = ("--no-notices", "--disable-file-logging", "--action", "validateExpectValid")
    done = _run(["java", "-jar", str(jar_of(MUSTANG)), *judging, "--directory", str(folder)])
    told = done.stdout + done.stderr
    whole = done.returncode == 0 and len(_VALID.findall(told)) == len(list(folder.glob("*.pdf")))
    return "" if whole else told


def _verdict(command: Sequence[str]) -> str:
    done = _run(command)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)


@cache
def jar_of(artifact: Artifact) -> Path:
    """The jar of *artifact*. Skips the test where Java or Maven is missing, or Maven reaches nothing."""
    coordinates = f"{artifact.group}:{artifact.name}:{artifact.version}"
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not found: {coordinates} was not run")
    if not artifact.kept.exists():
        # A jar is used alone: those of judges hold all that they need.
        wanted = (f"-Dartifact={coordinates}", "-Dtransitive=false")
        command = ["mvn", "-q", "-B", "dependency:get", *wanted]
        done = _run(command)
        if done.returncode or not artifact.kept.exists():
            pytest.skip(f"Maven could not fetch {coordinates}, which was not run: {done.stdout[-300:]}")
    return artifact.kept
