"""What the containers of `compose/` need of the command: fresh secrets, and a health check."""

import os
import secrets
from collections.abc import Iterable, Iterator

import grpc
from service_kit.environment import new_secrets
from service_kit.registry import service_named

from crm_cli.doctor.services import SERVING, health_at


def secret_lines(services: Iterable[str]) -> Iterator[str]:
    """A fresh `.env` for both stacks, with logins and a key pair for each of *services*."""
    made = new_secrets(services)
    yield f"JWT_SECRET={made.jwt_secret}"
    yield f"POSTGRES_PASSWORD={_password()}"
    yield f"ADMIN_NATS_PASSWORD={_password()}"
    yield f"SERVICE_PUBLIC_KEYS={made.public_keys}"
    for name, pair in made.keys.items():
        prefix = name.upper()
        yield f"{prefix}_PRIVATE_KEY={pair.private}"
        yield f"{prefix}_DB_PASSWORD={_password()}"
        yield f"{prefix}_NATS_PASSWORD={_password()}"


def is_healthy(name: str) -> bool:
    """Whether the service *name* on this machine says that it is SERVING. Raises UnknownService."""
    port = os.environ.get("GRPC_PORT") or service_named(name).port
    try:
        return health_at(f"localhost:{port}") == SERVING
    except grpc.RpcError:
        return False


def _password() -> str:
    return secrets.token_urlsafe(24)
