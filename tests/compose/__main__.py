"""`./scripts/compose-check`: both stacks of `compose/`, started, used and disturbed on a real engine."""

import argparse
import fcntl
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from crm_cli.probes import serves
from crm_cli.stack import secret_lines
from service_kit.registry import processes

from tests.compose import production
from tests.compose.engine import Docker, own_engine
from tests.compose.images import examine, provide, remove_stand_ins
from tests.compose.report import CheckFailed, Report
from tests.compose.stack import Stack
from tests.compose.story import tell

IMAGE = "crm-check"
# What docs/operations.md says that production needs besides the secrets.
OUTSIDE = {
    "PUBLIC_BASE_URL": "https://crm.example.com",
    "SMTP_HOST": "smtp.example.invalid",
    "SMTP_FROM": "crm@example.com",
}


def main() -> int:
    """Run the check; its exit code."""
    options = arguments()
    report = Report(time.monotonic() + options.minutes * 60)
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.default_int_handler)
    try:
        with alone(), engine(report, options) as docker:
            check(docker, options)
    except CheckFailed as failure:
        report.verdict(str(failure))
        return 1
    except KeyboardInterrupt:
        report.verdict("it was interrupted; everything was taken away")
        return 130
    report.verdict()
    return 0


@contextmanager
def alone() -> Iterator[None]:
    """Be the only check of this machine: the names of its stacks are its own."""
    with Path(tempfile.gettempdir(), "crm-compose-check.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckFailed("another compose-check runs on this machine") from None
        yield


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="./scripts/compose-check",
        description="Builds the image, starts both stacks on a container engine, uses and disturbs them, and "
        "takes everything away again. Base images that cannot be pulled are made of Debian packages and "
        "wheels (tests/compose); that needs root and debootstrap. Nothing of other projects is touched: "
        "names and ports are its own. Takes about 10 minutes.",
    )
    parser.add_argument("--stack", choices=("development", "production"), help="only this one")
    parser.add_argument("--minutes", type=float, default=45, help="after so many it gives up (default: 45)")
    parser.add_argument("--keep-images", action="store_true", help="leave images for the next run")
    parser.add_argument(
        "--keycloak", action="store_true", help="Keycloak beside the development stack (1 GB more)"
    )
    parser.add_argument(
        "--own-engine",
        action="store_true",
        help="start a Docker of its own: root, dockerd (Debian: docker.io)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="where that Docker lives, to find its images again (default: a temporary one)",
    )
    return parser.parse_args()


def engine(report: Report, options: argparse.Namespace) -> AbstractContextManager[Docker]:
    """The engine that was asked for."""
    return own_engine(report, options.folder) if options.own_engine else nullcontext(found(report))


def found(report: Report) -> Docker:
    """The engine that answers here, and its compose plugin."""
    docker = Docker(report)
    try:
        docker("version")
        docker("compose", "version")
    except CheckFailed as failure:
        raise CheckFailed(
            f"{failure}\nno engine with compose answers: start one, or say --own-engine"
        ) from None
    return docker


def check(docker: Docker, options: argparse.Namespace) -> None:
    """Both stacks, or the one that was asked for, one after the other."""
    report = docker.report
    report.holds(
        f"engine {docker('version', '--format', '{{.Server.Version}}')}, {docker.compose('version')}"
    )
    with tempfile.TemporaryDirectory(prefix="crm-compose-check-") as folder, images(docker, options):
        if options.stack != "production":
            more = with_keycloak() if options.keycloak else {}
            with stack(docker, "dev", "compose.yaml", more, Path(folder)) as development:
                tell(development, signed_here)
        if options.stack != "development":
            with stack(docker, "prod", "compose.prod.yaml", OUTSIDE, Path(folder)) as one:
                tell(one, production.signed_in)
            docker.report.remark("Tempo and Grafana (profile observability) are not started by this check")
        examine(docker, IMAGE)


@contextmanager
def images(docker: Docker, options: argparse.Namespace) -> Iterator[None]:
    """Take the images away afterwards that were made here."""
    try:
        yield
    finally:
        if not options.keep_images:
            with undisturbed(docker.report, "taking the images away"):
                docker.try_to("rmi", IMAGE)
                remove_stand_ins(docker)


@contextmanager
def stack(docker: Docker, name: str, file: str, more: dict[str, str], folder: Path) -> Iterator[Stack]:
    """A stack with fresh secrets and the settings *more*, which is gone afterwards whatever happens."""
    secrets: dict[str, Any] = dict(line.split("=", 1) for line in secret_lines(processes()))
    made = Stack(docker, f"crm-check-{name}", file, {**secrets, **more, "CRM_IMAGE": IMAGE}, folder)
    missing = provide(
        docker, sorted({one["image"] for one in made.services.values() if "build" not in one} - {IMAGE})
    )
    if missing:
        raise CheckFailed(f"images that can neither be pulled nor made: {', '.join(missing)}")
    made.remove()
    try:
        yield made
    finally:
        with undisturbed(docker.report, f"{made.name}: taking everything away"):
            made.remove()


@contextmanager
def undisturbed(report: Report, what: str) -> Iterator[None]:
    """Do what must be done whatever has happened: a second Ctrl-C or the end of the time does not end it."""
    report.doing(what)
    report.deadline += 300
    former = [signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for one, handler in zip((signal.SIGINT, signal.SIGTERM), former, strict=True):
            signal.signal(one, handler)


def with_keycloak() -> dict[str, str]:
    """The settings with which docs/auth.md starts Keycloak beside the stack."""
    return {
        "COMPOSE_PROFILES": "keycloak",
        "CRM_DEMO_PASSWORD": f"p{token_urlsafe(16)}",
        "KEYCLOAK_REALM_URL": "http://keycloak:8080/realms/crm",
        "KEYCLOAK_AUDIENCE": "crm",
    }


def signed_here(stack: Stack) -> str:
    """A token that `crm token` signs with the secret of the stack, as docs/operations.md says."""
    token = stack.inside("clients", "crm", "token")
    stack.report.holds(f"{stack.name}: `crm token` signs a token in a container")
    address = stack.compose("port", "clients", "50052")
    if not serves(address):
        raise CheckFailed(f"clients is published at {address} and does not answer there")
    stack.report.holds(f"{stack.name}: clients answers this machine at {address}")
    if "keycloak" in stack.services:
        stack.report.holds(
            f"{stack.name}: {stack.call('keycloak', PASSWORD=stack.settings['CRM_DEMO_PASSWORD'])}"
        )
    else:
        stack.report.remark("Keycloak, a profile of the development stack, was left out: --keycloak")
    return token


if __name__ == "__main__":
    sys.exit(main())
