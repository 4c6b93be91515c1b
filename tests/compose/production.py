"""What production promises beyond the story: no privileges, and logins that may do nothing but their own."""

import json
import time

from service_kit.registry import processes

from tests.compose.report import CheckFailed
from tests.compose.stack import Stack

__all__ = ["is_locked_down", "signed_in", "watches"]

EMAIL, PASSWORD = "ada@example.com", "une phrase de passe"
PATIENCE = 60.0  # seconds until Prometheus has asked everybody


def signed_in(stack: Stack) -> str:
    """Make the first account as docs/operations.md says, and sign in with it over HTTP; its token."""
    arguments = ["creer-utilisateur", "--email", EMAIL, "--organisation", "org-123"]
    stack.inside("users", "crm", "users", *arguments, given=PASSWORD)
    token = stack.call("sign_in", EMAIL, PASSWORD=PASSWORD)
    stack.report.holds(f"{stack.name}: the first account signs in at the gateway")
    is_locked_down(stack)
    watches(stack)
    return token


def is_locked_down(stack: Stack) -> None:
    """Processes are nobody, write nowhere but to /tmp and their volumes, and their logins are their own."""
    script = "id -u; touch /opt/crm/x /x 2>&1 | grep -c Read-only; grep CapEff /proc/1/status; touch /tmp/x"
    for service in processes():
        told = stack.inside(service, "sh", "-c", script).split()
        if told != ["10001", "2", "CapEff:", "0000000000000000"]:
            raise CheckFailed(f"{service} is not locked down: {told}")
    stack.report.holds(
        f"{stack.name}: processes are user 10001, without capabilities, on read-only file systems"
    )
    _database_refuses(stack)
    said = stack.call(
        "forbidden", "clients", "crm.events.invoice.created", PASSWORD=stack.settings["CLIENTS_NATS_PASSWORD"]
    )
    stack.report.holds(f"{stack.name}: the broker refuses clients what is not its own: {said}")


def _database_refuses(stack: Stack) -> None:
    stack.inside("postgres", "sh", "/docker-entrypoint-initdb.d/logins.sh")
    stack.report.holds(f"{stack.name}: the logins of PostgreSQL can be made again")
    login = f"PGPASSWORD={stack.settings['CLIENTS_DB_PASSWORD']} psql -h 127.0.0.1 -U clients -d crm"
    own, foreign = (f"SELECT count(*) FROM {schema}.outbox" for schema in ("clients", "users"))
    script = f"{login} -Atc 'SET ROLE crm_clients' -c '{own}' -c '{foreign}' 2>&1; true"
    said = stack.inside("postgres", "sh", "-c", script)
    refusal = "permission denied for schema users"
    if refusal not in said:
        raise CheckFailed(f"the login of clients reads users: {said}")
    stack.report.holds(f"{stack.name}: PostgreSQL refuses clients what is not its own: {refusal}")


def watches(stack: Stack) -> None:
    """Prometheus reads the metrics of every process."""
    until = time.monotonic() + stack.report.left(PATIENCE)
    wanted = len(processes())
    url = "http://prometheus:9090/api/v1/query?query=sum(up{job=%22crm%22})"
    script = f"import httpx; print(httpx.get('{url}').text)"
    while True:
        result = json.loads(stack.inside("gateway", "python", "-c", script))["data"]["result"]
        found = int(float(result[0]["value"][1])) if result else 0
        if found == wanted:
            stack.report.holds(f"{stack.name}: Prometheus reads the metrics of {found} processes")
            return
        if time.monotonic() > until:
            raise CheckFailed(f"Prometheus reads the metrics of {found} processes, not {wanted}")
        time.sleep(1)
