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

_FORMER = {"pepper": "auth_pepper", "oauth_state": "oauth_state_secret"}  # names in files of before


def secrets_file(home: Home) -> Path:
    """Return the file of the secrets of *home*."""
    return home.folder / "secrets.json"


def secrets_of(home: Home) -> Secrets:
    """Read the secrets of *home*, made at first use, completed for new processes; JWT_SECRET wins.

    Raises CommandError when the file is damaged.
    """
    path = secrets_file(home)
    known = read_secrets(path) if path.exists() else Secrets("")
    lacking = [name for name in processes() if name not in known.keys]
    fresh = new_secrets(lacking, (process.settings for process in processes().values()))
    secrets = Secrets(
        known.jwt_secret or fresh.jwt_secret,
        {**known.keys, **fresh.keys},
        {**fresh.made, **known.made},
    )
    if secrets != known:
        write_privately(path, _content(secrets))
    return replace(secrets, jwt_secret=os.environ.get("JWT_SECRET") or secrets.jwt_secret)


def _content(secrets: Secrets) -> dict[str, object]:
    """Return the content of the file: each secret under the name of its setting in lower case."""
    content = asdict(secrets)
    return content | {name.lower(): value for name, value in content.pop("made").items()}


def read_secrets(path: Path) -> Secrets:
    """Read the secrets in *path*. Raises CommandError when it is damaged."""
    try:
        content = json.loads(path.read_text())
        keys = {name: KeyPair(**pair) for name, pair in content.pop("keys").items()}
        jwt_secret = content.pop("jwt_secret")
        made = {_FORMER.get(name, name).upper(): value for name, value in content.items() if value}
        return Secrets(jwt_secret, keys, made)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(f"{path} is damaged: remove it, and new secrets are made") from error
