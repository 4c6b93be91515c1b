"""The embedded servers of `crm up`, started again when they end by themselves."""

from service_kit.embedded import EmbeddedError, Server

from crm_cli.backoff import Backoff


class WatchedServer:
    """A server that is to run as long as the mesh."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.restarts = 0
        self._backoff = Backoff()
        self._waiting = False

    @property
    def state(self) -> str:
        """RUNNING or STOPPED."""
        return "RUNNING" if self.server.pid else "STOPPED"

    def start(self) -> None:
        """Run it until it answers. Raises EmbeddedError."""
        self.server.start()
        self._backoff.started()

    def watch(self) -> str:
        """Note the server's end, start it again when it is time; return a sentence about a change, or ""."""
        if self._waiting:
            return self._restart() if self._backoff.over else ""
        if not self.server.ended:
            return ""
        return self._wait(f"{self.server.name} ended")

    def _restart(self) -> str:
        self._waiting = False
        self.restarts += 1
        try:
            self.start()
        except EmbeddedError as error:
            return self._wait(str(error))
        return f"{self.server.name} runs again"

    def _wait(self, cause: str) -> str:
        self._waiting = True
        return f"{cause}, starting it again in {self._backoff.ended():g} s"
