"""The file in which the embedded mode keeps its secrets."""

import json
from pathlib import Path

from crm_cli.home import Home
from crm_cli.keys import secrets_of
from service_kit.registry import processes


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """Those of every process that is installed."""
    home = Home(tmp_path)
    first = secrets_of(home)
    assert secrets_of(home) == first
    assert set(first.keys) == set(processes())


def test_secrets_of_processes_that_join_are_added(tmp_path: Path) -> None:
    """What is there stays: rows are sealed with it."""
    home = Home(tmp_path)
    first = secrets_of(home)
    path = tmp_path / "secrets.json"
    content = json.loads(path.read_text())
    del content["oauth_state_secret"], content["keys"]["integrations"]
    path.write_text(json.dumps(content))
    later = secrets_of(home)
    changed = {name for name in first.made if first.made[name] != later.made[name]}
    assert (changed, later.made.keys()) == ({"OAUTH_STATE_SECRET"}, first.made.keys())
    assert {name for name in first.keys if first.keys[name] != later.keys[name]} == {"integrations"}


def test_a_file_of_a_former_version_keeps_its_secrets(tmp_path: Path) -> None:
    """Two of them had other names."""
    home = Home(tmp_path)
    first = secrets_of(home)
    path = tmp_path / "secrets.json"
    content = json.loads(path.read_text())
    for former, name in (("pepper", "auth_pepper"), ("oauth_state", "oauth_state_secret")):
        content[former] = content.pop(name)
    path.write_text(json.dumps(content))
    assert secrets_of(home) == first
