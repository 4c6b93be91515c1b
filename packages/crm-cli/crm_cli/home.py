"""The folder `.crm` of the embedded mode: the state of the mesh, its lock, its logs.

Light, because `crm token` must answer at once: nothing of the kernel is imported here.
The secrets of the mesh are in `keys.py`.
"""

import fcntl
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["PROGRAM", "CommandError", "Home", "State", "without_settings"]

PROGRAM = Path(sys.executable).parent / "crm"  # this command
_LONGEST_FAREWELL = 20.0  # seconds that the parts of a killed mesh may take to end
_POLL = 0.1
_SETTINGS = (
    "CRM_",
    "CLOCK_",
    "DATABASE_URL",
    "NATS_",
    "JWT_",
    "AUTH_",
    "ENCRYPTION_",
    "OAUTH_",
    "INTEGRATIONS_",
    "GRPC_",
    "METRICS_",
    "OTEL_",
    "FAILPOINT",
)


class CommandError(Exception):
    """Failure of a command; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class State:
    """Addresses of the running mesh; *services* are ports by name, *demo* says that the account exists.

    *clock* is the file by which its clock is moved, "" when nobody may.
    """

    database_url: str
    nats_url: str
    jwt_secret: str
    services: dict[str, int]
    demo: bool
    clock: str = ""


class Home:
    """The folder of the embedded mode: CRM_HOME, else `.crm` here."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or Path(os.environ.get("CRM_HOME", ".crm"))).absolute()

    @property
    def logs(self) -> Path:
        """The folder in which every process of the mesh writes its log."""
        return self.folder / "logs"

    @property
    def clock(self) -> Path:
        """The file by which the clock of the mesh is moved."""
        return self.folder / "clock"

    @property
    def _lock(self) -> Path:
        return self.folder / "lock"

    @property
    def _state(self) -> Path:
        return self.folder / "state.json"

    @contextmanager
    def owned(self) -> Iterator[int]:
        """Hold the folder: the descriptor of its lock, for all processes of the mesh to keep.

        They inherit it, so the lock is free only when the last of them has ended, also when
        `crm up` itself was killed. Raises CommandError when another mesh runs here.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a+") as lock:
            self._take(lock.fileno())
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield lock.fileno()

    def _take(self, lock: int) -> None:
        deadline = time.monotonic() + _LONGEST_FAREWELL
        while not _locked(lock):
            if self._owner_lives():
                raise CommandError(f"the mesh of {self.folder} is already up: stop it first (Ctrl-C there)")
            if time.monotonic() > deadline:
                raise CommandError(
                    f"parts of a mesh that was killed still run: `fuser {self._lock}` shows them, end them"
                )
            time.sleep(_POLL)

    def _owner_lives(self) -> bool:
        try:
            os.kill(int(self._lock.read_text()), 0)
        except (OSError, ValueError) as error:
            return isinstance(error, PermissionError)
        return True

    def note_running(self, state: State) -> None:
        """Write the state of the mesh, by which other commands find it."""
        write_privately(self._state, asdict(state))

    def note_stopped(self) -> None:
        """Remove the state of the mesh."""
        self._state.unlink(missing_ok=True)

    def state(self) -> State | None:
        """The running mesh, None when there is none."""
        try:
            with self._lock.open() as lock:
                if not self._owner_lives() or _locked(lock.fileno()):
                    return None
            return State(**json.loads(self._state.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def database_url(self) -> str:
        """DATABASE_URL, else that of the running mesh. Raises CommandError."""
        return os.environ.get("DATABASE_URL") or self.running().database_url

    def nats_url(self) -> str:
        """NATS_URL, else that of the running mesh. Raises CommandError."""
        return os.environ.get("NATS_URL") or self.running().nats_url

    def running(self) -> State:
        """The running mesh. Raises CommandError when there is none."""
        state = self.state()
        if state is None:
            raise CommandError(
                "no mesh runs here: start it with ./scripts/up, or set DATABASE_URL and NATS_URL"
            )
        return state


def without_settings() -> dict[str, str]:
    """The environment of this process without anything that settles a mesh."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}


def without_logins(urls: str) -> str:
    """The addresses in *urls*, comma-separated, as they may be shown: without names and passwords."""
    return re.sub(r"//[^,@]*@", "//", urls)


def write_privately(path: Path, content: object) -> None:
    """Replace *path* by *content* as JSON that only this user can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(content, indent=1))
    temporary.replace(path)


def _locked(lock: int) -> bool:
    """Take the lock if nobody holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
