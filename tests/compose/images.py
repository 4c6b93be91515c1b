"""The images of the stacks: pulled, or made here from Debian packages and wheels; and our own, examined.

A stand-in has the name of what it stands in for, so that the compose files are used as they are. Its label
tells it from the real one, which is never replaced.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.compose.engine import Docker
from tests.compose.report import CheckFailed

__all__ = ["BASE", "STAND_INS", "examine", "provide", "remove_stand_ins"]

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "stand_ins"
LABEL = "crm.stand-in"
BASE = "python:3.13-slim"
# The beginnings of names, and the folder that stands in for each.
STAND_INS = {
    "postgres:": "postgres",
    "nats:": "nats",
    "prom/prometheus:": "prometheus",
    "quay.io/keycloak/keycloak:": "keycloak",
}
TOOLS = (
    "gcc",
    "cc",
    "make",
    "git",
    "pip",
    "pip3",
    "pytest",
    "mypy",
    "ruff",
    "buf",
    "nats-server",
    "postgres",
)
LARGEST = 260  # MB


def provide(docker: Docker, images: Iterable[str]) -> list[str]:
    """Have *images* here and return those that are missing: neither to be pulled nor to be made."""
    wanted = [BASE, *images]
    missing = [image for image in wanted if not _is_here(docker, image) and not _is_pulled(docker, image)]
    if BASE not in missing and not any(_is_stand_in(docker, image) for image in wanted):
        docker.report.holds(f"images: {', '.join(wanted)}")
        return missing
    made = [image for image in missing if image == BASE or _folder(image)]
    for image in made:
        docker.report.doing(f"{image} cannot be pulled here: making a stand-in")
        _make_base(docker) if image == BASE else _make(docker, image, _folder(image))
    standing = [image for image in wanted if image in made or _is_stand_in(docker, image)]
    docker.report.remark(f"stand-ins made of Debian packages and wheels: {', '.join(standing)}")
    return [image for image in missing if image not in made]


def remove_stand_ins(docker: Docker) -> None:
    """Take their names away, and them with these."""
    for image in docker(
        "images", "--filter", f"label={LABEL}", "--format", "{{.Repository}}:{{.Tag}}"
    ).split():
        docker.try_to("rmi", image)


def examine(docker: Docker, image: str) -> None:
    """Measure our own image, and see that it holds neither tools nor a privileged user."""
    told = json.loads(docker("inspect", image))[0]
    base = json.loads(docker("inspect", BASE))[0]["Size"] / 1e6
    size = told["Size"] / 1e6
    said = f"the image has {size:.0f} MB; {BASE} alone has {base:.0f}"
    if size > LARGEST:
        raise CheckFailed(f"{said}: more than {LARGEST}")
    docker.report.holds(said)
    user = docker("run", "--rm", "--entrypoint", "id", image, "-u")
    if user == "0":
        raise CheckFailed("its processes are root")
    found = docker("run", "--rm", "--entrypoint", "sh", image, "-c", f"command -v {' '.join(TOOLS)} || true")
    if found:
        raise CheckFailed(f"it holds tools: {found.split()}")
    docker.report.holds(f"its user is {user}, and it holds none of {', '.join(TOOLS)}")


def _is_here(docker: Docker, image: str) -> bool:
    return docker.try_to("image", "inspect", image)


def _is_pulled(docker: Docker, image: str) -> bool:
    return docker.try_to("pull", "--quiet", image, most=300)


def _is_stand_in(docker: Docker, image: str) -> bool:
    labels = (
        docker("inspect", "--format", "{{json .Config.Labels}}", image) if _is_here(docker, image) else ""
    )
    return LABEL in labels


def _folder(image: str) -> str:
    return next((folder for name, folder in STAND_INS.items() if image.startswith(name)), "")


def _make_base(docker: Docker) -> None:
    if shutil.which("debootstrap") is None:
        raise CheckFailed("a stand-in for Debian needs debootstrap (on Debian: apt install debootstrap)")
    writing = subprocess.Popen(
        [FOLDER / "base.sh"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**docker.environment}
    )
    reading = subprocess.run(
        ["docker", "import", "--change", f"LABEL {LABEL}=true", "--change", 'CMD ["python3"]', "-", BASE],
        stdin=writing.stdout,
        env=dict(docker.environment),
        capture_output=True,
        text=True,
        timeout=docker.report.left(600),
        check=False,
    )
    _, told = writing.communicate()
    if writing.returncode or reading.returncode:
        raise CheckFailed(f"the stand-in of {BASE} was not made:\n{told.decode()[-800:]}{reading.stderr}")


def _make(docker: Docker, image: str, folder: str) -> None:
    with tempfile.TemporaryDirectory(prefix="crm-compose-check-") as context:
        shutil.copytree(FOLDER / folder, context, dirs_exist_ok=True)
        shutil.copy(ROOT / "requirements.lock", context)
        docker("build", "--quiet", "--label", f"{LABEL}=true", "--tag", image, context, most=600)
