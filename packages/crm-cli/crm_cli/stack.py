"""What the containers of `compose/` stand on: fresh secrets, and where health is asked for."""

import os
import secrets
from collections.abc import Iterator, Mapping

from service_kit import LIVENESS, Edge, Service
from service_kit.environment import new_secrets
from service_kit.registry import process_named

from crm_cli.home import Home
from crm_cli.selection import listening


def secret_lines(processes: Mapping[str, Service | Edge]) -> Iterator[str]:
    """Yield the lines of a fresh `.env` for both stacks, with logins and keys for each of *processes*."""
    new = new_secrets(processes, (process.settings for process in processes.values()))
    yield f"JWT_SECRET={new.jwt_secret}"
    yield from (f"{name}={value}" for name, value in new.made.items())
    yield f"POSTGRES_PASSWORD={_password()}"
    yield f"ADMIN_NATS_PASSWORD={_password()}"
    yield f"GRAFANA_ADMIN_PASSWORD={_password()}"
    yield f"SERVICE_PUBLIC_KEYS={new.public_keys}"
    for name, pair in new.keys.items():
        prefix = name.upper()
        yield f"{prefix}_PRIVATE_KEY={pair.private}"
        if isinstance(processes[name], Service):
            yield f"{prefix}_DB_PASSWORD={_password()}"
        yield f"{prefix}_NATS_PASSWORD={_password()}"


def address_of(home: Home, name: str) -> str:
    """Where the service or edge *name* of this machine is asked for its health. Raises UnknownService.

    At the port that its setting names, else at that of the mesh of *home*, else at its own.
    """
    process = process_named(name)
    port = os.environ.get(f"{process.prefix}_PORT") or listening(home, [process]).get(name, process.port)
    address = f"localhost:{port}"
    return f"http://{address}{LIVENESS}" if isinstance(process, Edge) else address


def _password() -> str:
    """Make a password that begins with a letter: nats-server reads "-abc" or "1e5" as a number."""
    return f"p{secrets.token_urlsafe(24)}"
