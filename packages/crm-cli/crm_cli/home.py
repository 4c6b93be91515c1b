"""What the embedded mode keeps under `.crm`: its secrets, and where its servers listen."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from grpc_utils import KeyPair
from service_kit.environment import Secrets, new_secrets
from service_kit.registry import services


class CommandError(Exception):
    """A command cannot do its work; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class State:
    """Where the running mesh listens, and the process that runs it."""

    pid: int
    database_url: str
    nats_url: str


class Home:
    """The folder of the embedded mode: CRM_HOME, else `.crm` here."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or Path(os.environ.get("CRM_HOME", ".crm"))).absolute()

    def secrets(self) -> Secrets:
        """The secrets of this mesh, made at first use, completed for new services; JWT_SECRET wins."""
        path = self.folder / "secrets.json"
        known = self._read_secrets(path)
        given = os.environ.get("JWT_SECRET", "")
        fresh = new_secrets(name for name in services() if known is None or name not in known.keys)
        if known is not None and not fresh.keys:
            return replace(known, jwt_secret=given or known.jwt_secret)
        jwt_secret = known.jwt_secret if known is not None else fresh.jwt_secret
        keys = {**(known.keys if known is not None else {}), **fresh.keys}
        secrets = Secrets(jwt_secret, keys)
        self._write(path, {"jwt_secret": jwt_secret, "keys": {n: asdict(k) for n, k in keys.items()}})
        return replace(secrets, jwt_secret=given or jwt_secret)

    def _read_secrets(self, path: Path) -> Secrets | None:
        if not path.exists():
            return None
        try:
            content = json.loads(path.read_text())
            keys = {name: KeyPair(**pair) for name, pair in content["keys"].items()}
            return Secrets(content["jwt_secret"], keys)
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(f"{path} is damaged: remove it, and new secrets are made") from error

    def note_running(self, state: State) -> None:
        """Let other commands find the mesh."""
        self._write(self.folder / "state.json", asdict(state))

    def note_stopped(self) -> None:
        """The mesh does not run any more."""
        (self.folder / "state.json").unlink(missing_ok=True)

    def state(self) -> State | None:
        """The running mesh, None when there is none."""
        try:
            return State(**json.loads((self.folder / "state.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def database_url(self) -> str:
        """DATABASE_URL, else that of the running mesh. Raises CommandError."""
        return os.environ.get("DATABASE_URL") or self._running().database_url

    def nats_url(self) -> str:
        """NATS_URL, else that of the running mesh. Raises CommandError."""
        return os.environ.get("NATS_URL") or self._running().nats_url

    def _running(self) -> State:
        state = self.state()
        if state is None:
            raise CommandError(
                "no mesh runs here: start it with ./scripts/up, or set DATABASE_URL and NATS_URL"
            )
        return state

    def _write(self, path: Path, content: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(content, indent=1))
        temporary.replace(path)
