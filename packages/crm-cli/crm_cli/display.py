"""The output of `crm up`: a live table on a terminal, a line per change anywhere else."""

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from crm_cli.demo import Demo
from crm_cli.processes import ServiceProcess
from crm_cli.selection import NATS_PORT
from crm_cli.servers import WatchedServer

_COLOURS = {"SERVING": "green", "RUNNING": "green", "STARTING": "yellow"}


class Board:
    """The state of servers and services."""

    def __init__(
        self, console: Console, processes: Sequence[ServiceProcess], servers: Sequence[WatchedServer]
    ) -> None:
        self._console, self._processes, self._servers = console, processes, servers
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._shown: dict[str, str] = {}

    def __enter__(self) -> "Board":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def refresh(self) -> None:
        """Show what has changed."""
        states = {
            **{watched.server.name: watched.state for watched in self._servers},
            **{process.service.name: process.state for process in self._processes},
        }
        if states == self._shown:
            return
        if self._console.is_terminal:
            self._live.update(self._table(), refresh=True)
        else:
            self._print_changes(states)
        self._shown = states

    def show_examples(self, token: str, nats_url: str, demo: Demo | None) -> None:
        """Print commands to copy, and the account to sign in with."""
        if demo is not None:
            whom = f"{demo.email} with the password {demo.password}"
            self._console.print(f"Sign in as {whom}.", markup=False, highlight=False, soft_wrap=True)
        self._console.print("In another terminal:\n")
        for line in self._examples(token, nats_url):
            self._console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False)
        self._console.print()

    def _print_changes(self, states: dict[str, str]) -> None:
        addresses = {process.service.name: f" localhost:{process.port}" for process in self._processes}
        for name, state in states.items():
            if state != self._shown.get(name):
                line = f"{name}{addresses.get(name, '')} {state}"
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("service", "address", "state", "process", "restarts"):
            table.add_column(title, no_wrap=True)
        for watched in self._servers:
            server = watched.server
            _add(table, server.name, server.address, watched.state, server.pid, watched.restarts)
        for process in self._processes:
            address = f"localhost:{process.port}"
            _add(table, process.service.name, address, process.state, process.pid, process.restarts)
        return table

    def _examples(self, token: str, nats_url: str) -> list[str]:
        port = next((p.port for p in self._processes if p.service.name == "clients"), 0)
        bearer = '-H "authorization: Bearer $TOKEN"'
        body = """-d '{"nom":"Test","prenom":"User","organisationId":"org-123"}'"""
        server = "" if nats_url.endswith(f":{NATS_PORT}") else f"-s {nats_url} "
        lines = [f"TOKEN={token}"]
        lines += [f"http://localhost:{p.port}/        # what runs here" for p in self._processes if p.is_edge]
        if port:
            lines.append(f"grpcurl -plaintext {bearer} localhost:{port} clients.ClientBaseService/List")
        lines.append(f"nats {server}sub 'crm.events.>'        # or, decoded: ./scripts/crm events tail")
        if port:
            lines.append(
                f"grpcurl -plaintext {bearer} {body} localhost:{port} clients.ClientBaseService/Create"
            )
        return lines


def _add(table: Table, name: str, address: str, state: str, pid: int | None, restarts: int) -> None:
    coloured = Text(state, _COLOURS.get(state, "red"))
    table.add_row(name, address, coloured, str(pid or ""), str(restarts or ""))
