"""One process per service, forked from a parent that has imported everything once.

No gRPC object may exist before the fork: `up.py` makes none.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from grpc_utils import PortTaken
from service_kit import ConfigurationError, Edge, Service, serve

from crm_cli.backoff import Backoff

_PR_SET_PDEATHSIG = 1
_REFUSED = 78  # EX_CONFIG of sysexits.h: starting again would not help
_LARGEST_LOG = 10 * 1024 * 1024
_SILENCE = 5.0  # seconds without a sign of life after which a service counts as stuck


class ServiceProcess:
    """The process of one service or edge: started, watched, started again when it ends by itself.

    *ports* are those of all processes; *environment* holds the settings of this one.
    """

    def __init__(
        self, service: Service | Edge, ports: Mapping[str, int], environment: Mapping[str, str], logs: Path
    ) -> None:
        self.service, self.port = service, ports[service.name]
        self.log = logs / f"{service.name}.log"
        self._ports, self._environment = ports, environment
        self.pid = 0
        self.restarts = 0
        self.refusal = ""
        self._pipe = -1
        self._heard_at = 0.0
        self._serving = False
        self._backoff = Backoff()

    @property
    def is_edge(self) -> bool:
        """Whether it is opened with a browser rather than a gRPC client."""
        return isinstance(self.service, Edge)

    @property
    def state(self) -> str:
        """SERVING, NOT_SERVING, STARTING, STUCK or STOPPED."""
        if not self.pid:
            return "STOPPED"
        if not self._heard_at:
            return "STARTING"
        if time.monotonic() - self._heard_at > _SILENCE:
            return "STUCK"
        return "SERVING" if self._serving else "NOT_SERVING"

    def start(self) -> None:
        """Fork; the child serves until it is told to stop."""
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            self._become_service(writing, parent)
        os.close(writing)
        os.set_blocking(reading, False)
        self.pid, self._pipe, self._heard_at = pid, reading, 0.0
        self._backoff.started()

    def watch(self) -> str:
        """Read the process's signs of life, note its end, and start it again when it is time.

        Return a sentence about a change, "" without one.
        """
        if self._backoff.over:
            self.restarts += 1
            self.start()
        if not self.pid:
            return ""
        with contextlib.suppress(BlockingIOError):
            if said := os.read(self._pipe, 64):
                self._heard_at, self._serving = time.monotonic(), said.endswith(b"1")
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        return self._ended(os.waitstatus_to_exitcode(status)) if ended else ""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to end; it is not started again."""
        self._backoff.cancel()
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def reap(self) -> bool:
        """Whether the process has ended."""
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0]:
            self._forget()
        return not self.pid

    def _ended(self, code: int) -> str:
        self._forget()
        if code == _REFUSED:
            self.refusal = self._last_words() or "it gave no reason"
            return ""
        pause = self._backoff.ended()
        cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        words = self._last_words() if code > 0 else ""
        return (
            f"{self.service.name} ended ({cause}{': ' if words else ''}{words}), "
            f"starting it again in {pause:g} s; its log is {self.log}"
        )

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else ""

    def _forget(self) -> None:
        os.close(self._pipe)
        self.pid, self._pipe, self._serving = 0, -1, False

    def _become_service(self, pipe: int, parent: int) -> None:
        """In the child: run the service and end the process, whatever happens."""
        code = 1
        try:
            self._prepare(parent)
            os.environ.update(self._environment)
            serve([self.service], self._ports, report=lambda serving: _say(pipe, serving))
            code = 0
        except (ConfigurationError, PortTaken) as error:
            print(error, file=sys.stderr)
            code = _REFUSED
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _prepare(self, parent: int) -> None:
        os.setpgid(0, 0)  # Ctrl-C is for the parent, which stops its services in order
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before the line above
            os._exit(1)
        mode = "ab" if not self.log.exists() or self.log.stat().st_size < _LARGEST_LOG else "wb"
        with self.log.open(mode) as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)


def _say(pipe: int, serving: bool) -> None:
    with contextlib.suppress(BrokenPipeError):  # the parent was killed; SIGTERM is on its way
        os.write(pipe, b"1" if serving else b"0")
