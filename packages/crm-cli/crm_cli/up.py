"""`crm up`: the whole mesh on this machine, with one table that shows how it is.

The parent starts the servers, migrates, imports every service and forks one process for
each. It never makes a gRPC object or a thread itself, so that it can fork at any time.
"""

import asyncio
import fcntl
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import nats_utils
from db_utils.migrations import migrate, outdated
from nats.errors import Error as NatsError
from nats_utils.bus import connect_once
from rich.console import Console
from service_kit.embedded import EmbeddedNats, EmbeddedPostgres, Server, port_is_free
from service_kit.environment import Secrets
from service_kit.registry import service_named, services

from crm_cli.display import Board
from crm_cli.home import CommandError, Home, State
from crm_cli.processes import ServiceProcess

_TICK = 0.1
_NATS_PORT = 4222
_STOP_TIMEOUT = 20.0
_SERVING_TIMEOUT = 30.0


class Mesh:
    """Servers and services of one `crm up`."""

    def __init__(self, home: Home, names: Sequence[str], console: Console) -> None:
        self._home, self._console = home, console
        self._services = [service_named(name) for name in names] or list(services().values())
        self._servers: list[Server] = []
        self.processes: list[ServiceProcess] = []
        self._stopping = False

    def run(self) -> None:
        """Start everything, watch it until a signal, stop it. Raises CommandError."""
        started = time.monotonic()
        with ExitStack() as stack:
            stack.enter_context(_only_one(self._home.folder))
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._ask_to_stop)
            stack.callback(self._stop)
            self._check_ports()
            database_url, nats_url = self._start_servers()
            self._prepare(database_url, nats_url)
            secrets = self._home.secrets()
            self._home.note_running(State(os.getpid(), database_url, nats_url))
            stack.callback(self._home.note_stopped)
            self._start_services(secrets, database_url, nats_url)
            self._watch(secrets, started)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _check_ports(self) -> None:
        for service in self._services:
            if not port_is_free(service.port):
                raise CommandError(
                    f"port {service.port} of {service.name} is taken: stop what listens there "
                    f"(`ss -ltnp 'sport = :{service.port}'` shows it)"
                )

    def _start_servers(self) -> tuple[str, str]:
        database_url, nats_url = os.environ.get("DATABASE_URL", ""), os.environ.get("NATS_URL", "")
        if not database_url:
            postgres = EmbeddedPostgres(self._home.folder)
            self._start(postgres)
            database_url = postgres.url()
        if not nats_url:
            broker = EmbeddedNats(self._home.folder, _NATS_PORT)
            self._start(broker)
            nats_url = broker.url
        return database_url, nats_url

    def _start(self, server: Server) -> None:
        self._console.print(f"Starting {server.name}")
        server.start()
        self._servers.append(server)

    def _prepare(self, database_url: str, nats_url: str) -> None:
        schemas = [service.schema for service in self._services]
        pending = outdated(database_url, schemas)
        if pending:
            self._console.print(f"Migrating {', '.join(schema.name for schema in pending)}")
            migrate(database_url, pending)
        declare_streams(nats_url)

    def _start_services(self, secrets: Secrets, database_url: str, nats_url: str) -> None:
        logs = self._home.folder / "logs"
        logs.mkdir(exist_ok=True)
        shared = {
            "DATABASE_URL": database_url,
            "NATS_URL": nats_url,
            "GRPC_HOST": "127.0.0.1",
            "MAIL_FOLDER": str(self._home.folder / "mail"),
        }
        self._console.print(f"Starting {len(self._services)} services")
        for service in self._services:
            environment = {**shared, **secrets.environment(service.name)}
            self.processes.append(ServiceProcess(service, environment, logs))
        for process in self.processes:
            process.start()

    def _watch(self, secrets: Secrets, started: float) -> None:
        board = Board(self._console, self.processes, self._servers)
        announced = False
        with board:
            while not self._stopping:
                for process in self.processes:
                    process.watch()
                    if process.refusal:
                        raise CommandError(f"{process.service.name} does not start: {process.refusal}")
                self._restart_servers()
                board.refresh()
                if not announced and all(p.state == "SERVING" for p in self.processes):
                    announced = True
                    board.announce(time.monotonic() - started, secrets.token(lifetime=12 * 3600))
                if not announced and time.monotonic() - started > _SERVING_TIMEOUT:
                    announced = True
                    board.warn("not every service is serving yet: `./scripts/crm doctor` says why")
                time.sleep(_TICK)

    def _restart_servers(self) -> None:
        for server in self._servers:
            if server.ended:
                self._console.print(f"{server.name} ended, starting it again")
                server.start()

    def _stop(self) -> None:
        if self.processes:
            self._console.print("Stopping the services")
        for process in self.processes:
            process.stop()
        deadline = time.monotonic() + _STOP_TIMEOUT
        while running := [process for process in self.processes if not process.reap()]:
            if time.monotonic() > deadline:
                for process in running:
                    process.stop(signal.SIGKILL)
            time.sleep(_TICK / 2)
        for server in reversed(self._servers):
            server.stop()
        if self.processes:
            self._console.print("Stopped")


def declare_streams(nats_url: str) -> None:
    """Make the streams that are missing. Raises CommandError."""

    async def run() -> None:
        client = await connect_once(nats_url, "crm-cli")
        try:
            replicas = int(os.environ.get("NATS_REPLICAS", "1"))
            await nats_utils.declare(client.jetstream(), nats_utils.declared(replicas=replicas))
        finally:
            await client.close()

    try:
        asyncio.run(run())
    except nats_utils.StreamDrift as error:
        raise CommandError(str(error)) from error
    except (NatsError, OSError) as error:
        raise CommandError(f"the broker at {nats_url} does not answer: {type(error).__name__}") from error


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises CommandError when another `crm up` does."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"the mesh of {folder} is already up: stop it first (Ctrl-C there)") from None
        yield
