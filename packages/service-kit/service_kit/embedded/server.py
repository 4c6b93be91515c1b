"""A server as a child process: started until it answers, stopped, killed, its last words read."""

import os
import re
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

_START_TIMEOUT, _STOP_TIMEOUT = 30.0, 15.0
_POLL = 0.02
_LARGEST_LOG = 10 * 1024 * 1024
_TELLING = ("FATAL", "PANIC", "FTL", "ERROR", "error")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] ")  # of a line of PostgreSQL's log

# Becomes the command, which then ends with its parent (PR_SET_PDEATHSIG).
_LAUNCHER = f"""
import ctypes, os, sys
parent, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, {signal.SIGINT:d})
if os.getppid() == int(parent):
    os.execv(command[0], command)
"""


def ending_with_us(command: Sequence[str]) -> list[str]:
    """Return *command* (a path and arguments) so that its process gets SIGINT when this process ends.

    It needs no preexec_fn: forking a process in which gRPC runs can end the child.
    """
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command]


class EmbeddedError(Exception):
    """Failure to run a server here; the message says why and what to do."""


class Server(ABC):
    """A server process with a log file.

    *keeps_open* are descriptors that the process inherits: a lock to be held as long as it runs.
    """

    name: str
    address = ""
    remedy = ""
    keeps_open: Sequence[int] = ()

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        return self._process.pid if self._process is not None and not self.ended else None

    @property
    def ended(self) -> bool:
        """Whether the server was started and has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    @abstractmethod
    def start(self) -> None:
        """Run the server until it answers. Raises EmbeddedError."""

    @abstractmethod
    def _ready(self) -> bool:
        """Whether the server answers."""

    def stop(self) -> None:
        """Stop the server in order."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server as a power failure would."""
        self._end(signal.SIGKILL)

    def _run(self, command: Sequence[str], cwd: Path) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        small = not self.log.exists() or self.log.stat().st_size < _LARGEST_LOG
        with self.log.open("ab" if small else "wb") as output:
            self._process = subprocess.Popen(
                ending_with_us(command),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=self.keeps_open,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._ready():
            if self.ended:
                raise EmbeddedError(
                    f"{self.name} ended at once: {self._last_words()} (see {self.log}){self.remedy}"
                )
            if time.monotonic() > deadline:
                self.kill()
                raise EmbeddedError(
                    f"{self.name} did not answer within {_START_TIMEOUT:.0f} s (see {self.log})"
                )
            time.sleep(_POLL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or self.ended:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        """The line of the log that says most about an end."""
        lines = self.log.read_text(errors="replace").splitlines()[-20:]
        telling = [line for line in lines if any(word in line for word in _TELLING)]
        return _STAMP.sub("", (telling or lines or ["no output"])[-1].strip())
