"""What `crm up` shows: a live table on a terminal, a line per change anywhere else."""

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from service_kit.embedded import Server

from crm_cli.processes import ServiceProcess

_COLOURS = {"SERVING": "green", "STARTING": "yellow", "NOT_SERVING": "red", "STUCK": "red", "STOPPED": "red"}


class Board:
    """The state of servers and services."""

    def __init__(
        self, console: Console, processes: Sequence[ServiceProcess], servers: Sequence[Server]
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
        states = {process.service.name: process.state for process in self._processes}
        if states == self._shown:
            return
        if self._console.is_terminal:
            self._live.update(self._table(), refresh=True)
        else:
            for process in self._processes:
                name, state = process.service.name, process.state
                if state != self._shown.get(name):
                    self._console.print(f"{name} localhost:{process.service.port} {state}")
        self._shown = states

    def announce(self, seconds: float, token: str) -> None:
        """Say that all is up, and what can be typed now."""
        self._console.print(
            f"\nThe mesh is up: {len(self._processes)} services in {seconds:.1f} s. Ctrl-C stops it."
        )
        self._console.print("In another terminal:\n")
        for line in _examples(token):
            self._console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False)
        self._console.print()

    def warn(self, message: str) -> None:
        """Say that something is not as it should be."""
        self._console.print(f"[yellow]{message}[/yellow]")

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for title in ("service", "address", "state", "process", "restarts"):
            table.add_column(title)
        for server in self._servers:
            table.add_row(server.name, "", Text("RUNNING", "green"), str(server.pid or ""), "")
        for process in self._processes:
            table.add_row(
                process.service.name,
                f"localhost:{process.service.port}",
                Text(process.state, _COLOURS[process.state]),
                str(process.pid or ""),
                str(process.restarts or ""),
            )
        return table


def _examples(token: str) -> list[str]:
    bearer = '-H "authorization: Bearer $TOKEN"'
    body = """-d '{"nom":"Test","prenom":"User","organisationId":"org-123"}'"""
    return [
        f"TOKEN={token}",
        f"grpcurl -plaintext {bearer} localhost:50052 clients.ClientBaseService/List",
        "nats sub 'crm.events.>'        # or, decoded: ./scripts/crm events tail",
        f"grpcurl -plaintext {bearer} {body} localhost:50052 clients.ClientBaseService/Create",
    ]
