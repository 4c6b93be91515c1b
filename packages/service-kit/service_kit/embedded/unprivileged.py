"""Ways to run a server that refuses to run as root, in folders made by root."""

import os
import pwd
import shutil
from pathlib import Path

from service_kit.embedded.server import EmbeddedError

_UNPRIVILEGED = "nobody"
_DAC_OVERRIDE, _SETPCAP = 1, 8  # capability numbers, capabilities(7)


def prepare_for_server(folder: Path) -> None:
    """Make *folder*, private to the user the server runs as."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder.stat().st_uid
    wanted = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    if owner not in (os.geteuid(), wanted.pw_uid):
        raise EmbeddedError(f"{folder} belongs to another user: remove it and start again")
    if os.geteuid() == 0:
        os.chown(folder, wanted.pw_uid, wanted.pw_gid)
    folder.chmod(0o700)


def as_unprivileged() -> list[str]:
    """Return the beginning of a command that runs a server as nobody; empty unless this process is root's.

    The server still reaches folders of root. Raises EmbeddedError without setpriv.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedError(
            "PostgreSQL does not run as root and setpriv (package util-linux) is missing: "
            "run as an ordinary user, or set DATABASE_URL to a PostgreSQL"
        )
    user = pwd.getpwnam(_UNPRIVILEGED)
    command = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if _holds_capability(_DAC_OVERRIDE):
        command += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        if _holds_capability(_SETPCAP):
            # access(2), with which initdb looks for its neighbours, drops the capabilities of whoever
            # is not root unless told not to: nothing would be found below a private folder like /root.
            command.append("--securebits=+no_setuid_fixup")
    return [*command, "--pdeathsig=INT", "--"]


def _holds_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False
