"""The stacks of `compose/`, as the documents say to run them, from the root of the checkout."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from crm_cli.stack import secret_lines
from psycopg import sql
from service_kit.embedded.postgres import program
from service_kit.registry import processes, services
from service_testing import fresh_database

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / name for name in ("docs/operations.md", "README.md", "compose.yaml", "compose.prod.yaml")]
PROFILE = " --profile observability"
_LOGINS = """
SELECT rolname, rolcanlogin, rolinherit, array_agg(roleid::regrole::text), rolpassword
FROM pg_authid JOIN pg_auth_members ON member = pg_authid.oid
WHERE rolname = ANY(%s) GROUP BY 1, 2, 3, 5"""

Configured = Callable[[str], dict[str, Any]]


@cache
def compose() -> tuple[str, ...] | None:
    """How compose is called here; None where it is not installed."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if (path := shutil.which(command[0])) is None:
            continue
        told = subprocess.run([path, *command[1:], "version"], capture_output=True, text=True, check=False)
        if told.returncode == 0 and re.search(r"version v?([2-9]|dev)", told.stdout):  # `include` is of 2.20
            return (path, *command[1:])
    return None


def told_commands() -> list[str]:
    """The stacks that the documents start, as options of compose: "" and "-f compose.prod.yaml"."""
    found = re.findall(r"docker compose(.*?) up\b", "\n".join(one.read_text() for one in DOCUMENTS))
    return sorted({options.strip() for options in found})


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """What compose makes of a stack in a checkout whose only other file is a fresh `.env`."""
    command = compose()
    if command is None:
        pytest.skip("compose is not installed here: `docker compose config` was not tried")
    shutil.copytree(ROOT / "compose", tmp_path / "compose")
    for file in ROOT.glob("compose*.yaml"):
        shutil.copy(file, tmp_path)
    (tmp_path / ".env").write_text("\n".join(secret_lines(processes())))
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ}

    def config(options: str) -> dict[str, Any]:
        line = [*command, *options.split(), "config", "--format", "json"]
        done = subprocess.run(
            line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        made: dict[str, Any] = json.loads(done.stdout)
        return made

    return config


def test_the_documents_start_both_stacks() -> None:
    """Development and production, each by one file at the root."""
    assert told_commands() == ["", "-f compose.prod.yaml"]


@pytest.mark.parametrize("options", told_commands())
def test_a_stack_is_complete_with_the_secrets_alone(configured: Configured, options: str) -> None:
    """Every process and server is there, and every file that is mounted."""
    stack = configured(options)["services"]
    assert {*processes(), "postgres", "nats", "migrate"} <= stack.keys()
    mounts = [mount for one in stack.values() for mount in one.get("volumes", ()) if mount["type"] == "bind"]
    assert [mount["source"] for mount in mounts if not Path(mount["source"]).exists()] == []


def test_traces_and_dashboards_are_a_profile(configured: Configured) -> None:
    """Who does not ask for them has neither; who does finds every file that they mount."""
    without, stack = (configured(f"-f compose.prod.yaml{options}")["services"] for options in ("", PROFILE))
    assert stack.keys() - without.keys() == {"tempo", "grafana"}
    mounts = [mount for one in stack.values() for mount in one.get("volumes", ()) if mount["type"] == "bind"]
    assert [mount["source"] for mount in mounts if not Path(mount["source"]).exists()] == []


def test_the_two_stacks_share_no_volume(configured: Configured) -> None:
    """A database made with other passwords would take none of the logins."""
    development, production = (configured(options)["volumes"] for options in told_commands())
    assert {one["name"] for one in development.values()} & {
        one["name"] for one in production.values()
    } == set()


def test_servers_are_told_no_secret_but_their_own_logins(configured: Configured) -> None:
    """Keys of services and tokens are nobody else's."""
    stack = configured("-f compose.prod.yaml")["services"]
    told = {name for server in ("postgres", "nats") for name in stack[server]["environment"]}
    assert {name for name in told if not name.endswith("_PASSWORD")} == {"POSTGRES_USER", "POSTGRES_DB"}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_the_database_is_asked_where_its_temporary_server_does_not_listen(stack: str) -> None:
    """The image makes the database under a server that answers at the socket only."""
    text = (ROOT / "compose" / stack / "infrastructure.yml").read_text()
    assert '"pg_isready", "-h", "127.0.0.1"' in text
    assert text.count("condition: service_healthy") == 2


@pytest.fixture
def owner() -> Iterator[psycopg.Connection]:
    """The owner of a new database; roles belong to its server, and are gone afterwards."""
    with psycopg.connect(fresh_database(), autocommit=True) as owner:
        yield owner
        for name in services():
            owner.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def run_logins(owner: psycopg.Connection, suffix: str) -> dict[str, tuple[bool, bool, list[str], str]]:
    """What the script makes of passwords that end in *suffix*: what each login may, and its hash."""
    database = owner.info
    environment = {
        "PATH": f"{program('psql').parent}:{os.environ['PATH']}",
        "PGHOST": database.host,
        "POSTGRES_USER": database.user,
        "POSTGRES_DB": database.dbname,
        **{f"{name.upper()}_DB_PASSWORD": f"l'été de {name} {suffix}" for name in services()},
    }
    subprocess.run(["sh", ROOT / "compose/prod/logins.sh"], env=environment, check=True)
    rows = owner.execute(_LOGINS, (list(services()),)).fetchall()
    return {name: (can_log_in, inherits, roles, sealed) for name, can_log_in, inherits, roles, sealed in rows}


def test_logins_are_made_and_changed_by_the_same_script(owner: psycopg.Connection) -> None:
    """As often as it is run: a service that joins gets one, a new password is taken over."""
    first, second = run_logins(owner, "un"), run_logins(owner, "deux")
    for made in (first, second):
        assert {name: found[:3] for name, found in made.items()} == {
            name: (True, False, [f"crm_{name}"]) for name in services()
        }
    assert [name for name in services() if first[name][3] == second[name][3]] == []
