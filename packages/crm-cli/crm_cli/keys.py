"""The secrets of the embedded mode: made at first use, kept in `.crm/secrets.json`."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from grpc_utils import KeyPair
from service_kit.environment import Secrets, new_secrets
from service_kit.registry import processes

from crm_cli.home import CommandError, Home, write_privately

__all__ = [
    "secrets_of",
]


def secrets_file(home: Home) -> Path:
    """Where the secrets of *home* are kept."""
    return home.folder / "secrets.json"


def secrets_of(home: Home) -> Secrets:
    """The secrets of *home*, made at first use, completed for new processes; JWT_SECRET wins.

    Raises CommandError when the file is damaged.
    """
    path = secrets_file(home)
    known = read_secrets(path) if path.exists() else Secrets("")
    fresh = new_secrets(name for name in processes() if name not in known.keys)
    secrets = Secrets(
        known.jwt_secret or fresh.jwt_secret,
        {**known.keys, **fresh.keys},
        known.encryption_keys or fresh.encryption_keys,
        known.pepper or fresh.pepper,
        known.oauth_state or fresh.oauth_state,
    )
    if secrets != known:
        write_privately(path, asdict(secrets))
    return replace(secrets, jwt_secret=os.environ.get("JWT_SECRET") or secrets.jwt_secret)


def read_secrets(path: Path) -> Secrets:
    """The secrets in *path*. Raises CommandError when it is damaged."""
    try:
        content = json.loads(path.read_text())
        keys = {name: KeyPair(**pair) for name, pair in content["keys"].items()}
        later = {name: content.get(name, "") for name in ("encryption_keys", "pepper", "oauth_state")}
        return Secrets(content["jwt_secret"], keys, **later)
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(f"{path} is damaged: remove it, and new secrets are made") from error
