"""Servers that refuse to run as root, where root has installed them."""

import subprocess
import sys
from pathlib import Path

from service_kit.embedded.unprivileged import as_unprivileged

_FINDS = "import os, sys; sys.exit(not os.access(sys.argv[1], os.X_OK))"


def test_a_program_below_a_private_folder_is_found(tmp_path: Path) -> None:
    """As PostgreSQL looks for its own programs: root may have its checkout below /root."""
    (tmp_path / "private").mkdir(mode=0o700)
    program = tmp_path / "private" / "program"
    program.touch(mode=0o755)
    command = [*as_unprivileged(), sys.executable, "-c", _FINDS, str(program)]
    assert subprocess.run(command, cwd="/", check=False).returncode == 0
