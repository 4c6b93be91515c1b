"""`crm up`: the whole mesh on this machine, with one live table.

The parent starts the servers, migrates, imports every service and forks one process for
each. It never makes a gRPC object or a thread itself, so that it can fork at any time.
"""

import gc
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType

from db_utils.migrations import migrate, outdated
from rich.console import Console
from service_kit import Edge, Service, Settings, kept_folders, load
from service_kit.embedded import EmbeddedNats, EmbeddedPostgres, Server, port_is_free
from service_kit.environment import Secrets
from trace_utils import import_tracing

from crm_cli.demo import NEEDED, Demo
from crm_cli.display import Board
from crm_cli.home import CommandError, Home, State
from crm_cli.keys import secrets_of
from crm_cli.processes import ServiceProcess
from crm_cli.progress import show_migrations
from crm_cli.selection import NATS_PORT, chosen_processes, moved_ports
from crm_cli.servers import WatchedServer
from crm_cli.streams import declare_streams
from crm_cli.tokens import token

_TICK = 0.1
_STOP_TIMEOUT = 20.0
_SERVING_TIMEOUT = 30.0


class Mesh:
    """Servers and services of one `crm up`.

    *offset* is added to every port; with *movable_clock* `crm clock` moves the clock of all services.
    """

    def __init__(
        self,
        home: Home,
        names: Sequence[str],
        offset: int,
        console: Console,
        *,
        movable_clock: bool = False,
    ) -> None:
        self._home, self._console = home, console
        self._services = chosen_processes(names)
        self._nats_port, self._ports = NATS_PORT + offset, moved_ports(offset)
        self._database_url = os.environ.get("DATABASE_URL", "")
        self._nats_url = os.environ.get("NATS_URL", "")
        self._servers: list[WatchedServer] = []
        self._processes: list[ServiceProcess] = []
        self._clock = str(home.clock) if movable_clock else os.environ.get("CLOCK_FILE", "")
        self._auth_enabled = True
        self._asked_to_stop = 0
        self._lock = -1

    def run(self) -> None:
        """Start everything, watch it until a signal, stop it. Raises CommandError."""
        started = time.monotonic()
        with ExitStack() as stack:
            self._lock = stack.enter_context(self._home.owned())
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._ask_to_stop)
            secrets = secrets_of(self._home)
            self._check(secrets)
            stack.callback(self._stop)
            stack.callback(self._home.note_stopped)
            self._start(secrets)
            self._watch(started)

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_stop += 1

    def _check(self, secrets: Secrets) -> None:
        """Refuse settings and ports that could not work, before anything runs. Raises CommandError."""
        settings = load(
            Settings,
            database_url=self._database_url,
            jwt_secret=secrets.jwt_secret,
            clock_file=self._clock,
        )
        settings.authenticator("crm")
        settings.follow_clock()
        self._auth_enabled = settings.auth_enabled
        if not settings.auth_enabled:
            self._warn("AUTH_ENABLED=false: every call is let in, whoever makes it")
        for service in self._services:
            port = self._ports[service.name]
            if not port_is_free(port):
                raise CommandError(
                    f"port {port} of {service.name} is taken: stop what listens there "
                    f"(`ss -ltnp 'sport = :{port}'` shows it), or move all ports with --port-offset"
                )

    def _start(self, secrets: Secrets) -> None:
        steps: list[Callable[[], None]] = [
            self._start_broker,
            self._start_database,
            self._prepare,
            lambda: self._start_services(secrets),
        ]
        for step in steps:
            if not self._asked_to_stop:
                step()

    def _start_broker(self) -> None:
        if not self._nats_url:
            broker = EmbeddedNats(self._home.folder, self._nats_port)
            self._run(broker)
            self._nats_url = broker.url

    def _start_database(self) -> None:
        if not self._database_url:
            postgres = EmbeddedPostgres(self._home.folder)
            self._run(postgres)
            self._database_url = postgres.url()

    def _run(self, server: Server) -> None:
        self._console.print(f"Starting {server.name}")
        server.keeps_open = (self._lock,)
        watched = WatchedServer(server)
        watched.start()
        self._servers.append(watched)

    def _prepare(self) -> None:
        schemas = [service.schema for service in self._services if isinstance(service, Service)]
        pending = outdated(self._database_url, schemas)
        if pending:
            self._console.print(f"Migrating {', '.join(schema.name for schema in pending)}", soft_wrap=True)
            show_migrations()
            migrate(self._database_url, pending)
        declare_streams(self._nats_url)

    def _start_services(self, secrets: Secrets) -> None:
        self._home.logs.mkdir(exist_ok=True)
        self._console.print(f"Starting {_number(len(self._services), 'service')}")
        for position, service in enumerate(self._services):
            environment = self._environment(service, position, secrets)
            self._processes.append(ServiceProcess(service, self._ports, environment, self._home.logs))
        self._home.note_running(
            State(
                self._database_url,
                self._nats_url,
                secrets.jwt_secret,
                {service.name: self._ports[service.name] for service in self._services},
                self._has_demo(),
                self._clock,
            )
        )
        import_tracing()
        gc.collect()
        gc.freeze()  # collections of the children write to no page that they share with this process
        for process in self._processes:
            process.start()

    def _environment(self, service: Service | Edge, position: int, secrets: Secrets) -> dict[str, str]:
        """Return the environment of *service*; variables set by the user win, but for ports."""
        given = {name: value for name, value in os.environ.items() if value}
        own = {f"{service.prefix}_PORT": str(self._ports[service.name])}
        if "METRICS_PORT" in given:
            own["METRICS_PORT"] = str(int(given["METRICS_PORT"]) + position)
        return {
            "DATABASE_URL": self._database_url,
            "NATS_URL": self._nats_url,
            "JWKS_URL": self._keys_url(),
            "CLOCK_FILE": self._clock,
            f"{service.prefix}_HOST": "127.0.0.1",
            **{
                setting.upper(): str(self._home.folder / name)
                for setting, name in kept_folders(service.settings).items()
            },
            **secrets.environment(service.name, service.settings),
            **given,
            **own,
        }

    def _keys_url(self) -> str:
        """Return the address of the keys of our own tokens, "" when no edge here publishes them."""
        paths = {edge.name: edge.keys_path for edge in self._services if isinstance(edge, Edge)}
        urls = (f"http://127.0.0.1:{self._ports[name]}{path}" for name, path in paths.items() if path)
        return next(urls, "")

    def _watch(self, started: float) -> None:
        announced = False
        with Board(self._console, self._processes, self._servers) as board:
            while not self._asked_to_stop:
                self._look_after_everything()
                board.refresh()
                elapsed = time.monotonic() - started
                if not announced and all(p.state == "SERVING" for p in self._processes):
                    announced = True
                    self._announce(board, elapsed)
                if not announced and elapsed > _SERVING_TIMEOUT:
                    announced = True
                    self._warn("not every service is serving yet: `./scripts/crm doctor` says why")
                time.sleep(_TICK)

    def _look_after_everything(self) -> None:
        for news in (
            *(watched.watch() for watched in self._servers),
            *(process.watch() for process in self._processes),
        ):
            if news:
                self._warn(news)
        for process in self._processes:
            if process.refusal:
                raise CommandError(f"{process.service.name} does not start: {process.refusal}")

    def _announce(self, board: Board, seconds: float) -> None:
        count = _number(len(self._processes), "service")
        self._console.print(f"\nThe mesh is up: {count} in {seconds:.1f} s. Ctrl-C stops it.")
        try:
            bearer = token(self._home)
        except CommandError as error:
            self._warn(str(error))
        else:
            demo = Demo.of(self._home) if self._has_demo() else None
            board.show_examples(bearer, self._nats_url, demo)

    def _has_demo(self) -> bool:
        """Whether the demo account is made: only in the embedded database, and when it can sign in."""
        ours = not os.environ.get("DATABASE_URL")
        return ours and self._auth_enabled and {service.name for service in self._services} >= NEEDED

    def _warn(self, message: str) -> None:
        self._console.print(message, style="yellow", markup=False, highlight=False, soft_wrap=True)

    def _stop(self) -> None:
        """End the services in order, then the servers; at once when asked a second time."""
        if self._processes:
            self._console.print("Stopping the services")
        for process in self._processes:
            process.stop()
        deadline = time.monotonic() + _STOP_TIMEOUT
        while running := [process for process in self._processes if not process.reap()]:
            if self._asked_to_stop > 1 or time.monotonic() > deadline:
                for process in running:
                    process.stop(signal.SIGKILL)
            time.sleep(_TICK / 2)
        for watched in reversed(self._servers):
            watched.server.stop()
        if self._processes:
            self._console.print("Stopped")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
