"""Parts of compose-check that need no engine; the whole of it is `./scripts/compose-check`."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.compose.engine import Docker
from tests.compose.images import FOLDER, STAND_INS
from tests.compose.report import CheckFailed, Report
from tests.compose.stack import mebibytes, ports_of_our_own

ROOT = Path(__file__).parents[2]


def test_published_ports_are_free_ones_of_this_machine() -> None:
    """Those of the compose file may be taken by a mesh that runs here."""
    services = {
        "clients": {"ports": [{"host_ip": "127.0.0.1", "target": 50052, "published": "50052"}]},
        "migrate": {},
    }
    assert ports_of_our_own(services) == 'services:\n  clients: {ports: !override ["127.0.0.1::50052"]}\n'


def test_a_stack_that_publishes_nothing_changes_nothing() -> None:
    """Production is such a stack, without its profile."""
    assert ports_of_our_own({"clients": {}}) == "services: {}\n"


@pytest.mark.parametrize(
    ("told", "found"), [("1.5GiB", 1536.0), ("276MiB", 276.0), ("512KiB", 0.5), ("0B", 0.0)]
)
def test_memory_is_read_in_the_units_of_docker(told: str, found: float) -> None:
    """As `docker stats` writes it."""
    assert mebibytes(told) == found


def test_a_failed_command_says_what_it_printed() -> None:
    """The person sees the reason, not only that it failed."""
    docker = Docker(Report(time.monotonic() + 60), compose_program=("sh", "-c"))
    with pytest.raises(CheckFailed, match="no space left"):
        docker.compose("echo no space left >&2; exit 3")


def test_nothing_runs_when_the_time_is_over() -> None:
    """However long a command may take, the whole check has an end."""
    docker = Docker(Report(time.monotonic() - 1), compose_program=("true",))
    with pytest.raises(CheckFailed, match="the time is over"):
        docker.compose()


def test_the_settings_of_this_shell_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose would take them before those of its file."""
    monkeypatch.setenv("JWT_SECRET", "of this shell")
    docker = Docker(Report(time.monotonic() + 60), compose_program=("sh", "-c"))
    assert docker.compose('echo "${JWT_SECRET:-none}"') == "none"


def test_every_stand_in_can_be_made() -> None:
    """Each name has its folder with a Dockerfile, and each folder its name."""
    assert {one.parent.name for one in FOLDER.glob("*/Dockerfile")} == set(STAND_INS.values())


def test_the_help_says_what_it_does() -> None:
    """Before anything is started."""
    told = subprocess.run(
        [ROOT / "scripts" / "compose-check", "--help"], capture_output=True, text=True, check=True
    )
    assert "takes everything away again" in " ".join(told.stdout.split())
