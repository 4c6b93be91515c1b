"""The `crm` command line: parsing here, work in the module of each subcommand.

Modules are imported inside the commands, so that each loads only what it needs: a token
must not wait for all services to be imported.
"""

import contextlib
import sys
from typing import Annotated

import typer

from crm_cli.arguments import Names
from crm_cli.contributed import add_contributed
from crm_cli.dlq_commands import dlq
from crm_cli.home import CommandError, Home

__all__ = ["main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Runs and looks after the CRM mesh. `crm COMMAND --help` tells what a command needs.",
)

events = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at the events of the bus.")
app.add_typer(events, name="events")

app.add_typer(dlq, name="dlq")

Json = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


@app.command()
def up(
    services: Names = None,
    port_offset: Annotated[
        int,
        typer.Option(
            envvar="CRM_PORT_OFFSET",
            min=0,
            max=15_000,
            help="Added to every port, to run beside another mesh.",
        ),
    ] = 0,
    movable_clock: Annotated[
        bool, typer.Option(help="Let `crm clock` move the clock of all services, to see days pass.")
    ] = False,
) -> None:
    """Run the whole mesh on this machine.

    PostgreSQL, nats-server, one process per service and one for the gateway, watched and
    started again when they end. Needs nothing: DATABASE_URL and NATS_URL replace the embedded
    servers, other settings are those of .env.example. Data, logs and secrets are kept in .crm
    (CRM_HOME). Ctrl-C stops everything, a second Ctrl-C at once.
    """
    from rich.console import Console

    from crm_cli.up import Mesh

    Mesh(Home(), services or [], port_offset, Console(), movable_clock=movable_clock).run()


@app.command()
def serve(services: Annotated[list[str], typer.Argument(help="Services to run in this process.")]) -> None:
    """Run services in this process.

    Until SIGTERM or SIGINT; the entry point of containers. Needs DATABASE_URL, NATS_URL, a
    source of keys for tokens (JWT_SECRET, JWKS_URL or KEYCLOAK_REALM_URL) and schemas that
    `crm migrate` has brought up to date. The gateway needs no database.
    """
    from service_kit import serve as run
    from service_kit.registry import ports, process_named

    run([process_named(name) for name in services], ports())


@app.command()
def migrate(
    services: Names = None,
    wait: Annotated[
        float, typer.Option(help="Seconds to wait for the database, the broker and locked tables.", min=0)
    ] = 60,
) -> None:
    """Bring schemas and streams up to date.

    Needs DATABASE_URL (of the owner) and NATS_URL, or a mesh that runs here; services may go
    on meanwhile.
    """
    from db_utils.migrations import Patience, wait_for_server
    from db_utils.migrations import migrate as run

    from crm_cli.progress import show_migrations
    from crm_cli.selection import chosen
    from crm_cli.streams import declare_streams

    home = Home()
    wanted = chosen(services or [])
    show_migrations()
    patience = Patience(wait, lambda reason: print(f"waiting: {reason}", flush=True))
    wait_for_server(home.database_url(), patience)
    changed = run(
        home.database_url(),
        [service.schema for service in wanted],
        report=lambda name: print(f"migrating {name}", flush=True),
        patience=patience,
    )
    declare_streams(home.nats_url(), patience)
    print(f"{len(changed)} of {len(wanted)} schemas changed, streams declared")


@app.command()
def token(
    user: Annotated[str | None, typer.Option(help="User id, the sub claim.", show_default="demo")] = None,
    organisation: Annotated[
        str | None,
        typer.Option(help="Organisation claim; empty for a token without one.", show_default="org-123"),
    ] = None,
    lifetime: Annotated[
        int | None, typer.Option(help="Seconds until it expires.", min=1, show_default="3600")
    ] = None,
    service: Annotated[
        str, typer.Option(help="Prove for a minute to be this service, which users cannot.")
    ] = "",
    to: Annotated[str, typer.Option(help="The service that it calls.")] = "gateway",
) -> None:
    """Print a bearer token for this mesh.

    TOKEN=$(./scripts/crm token). While the whole mesh runs here, the demo account signs in.
    With options, or without that account, the token is signed here: with JWT_SECRET, else
    with the secret of the mesh here. Methods for services alone want --service and --to.
    """
    from crm_cli.tokens import service_token
    from crm_cli.tokens import token as make

    if service:
        print(service_token(Home(), service, to))
    else:
        print(make(Home(), user=user, organisation=organisation, lifetime=lifetime))


@app.command("clock")
def move_clock(
    to: Annotated[
        str,
        typer.Argument(
            help="2026-02-03T06:00 (Paris), 2026-02-03, +2d, +90m or real; empty: only tell the time.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Tell or move the clock of the mesh that runs here.

    All services see the new instant at once, and their jobs do what has become due. Needs `crm up
    --movable-clock`, which production refuses. The clock only goes forward, but for the first move.
    """
    from crm_cli.clocks import moved

    print(moved(Home(), to))


@events.command()
def tail(
    from_start: Annotated[bool, typer.Option(help="First all events that the streams hold.")] = False,
    subject: Annotated[str, typer.Option(help="Only this subject; wildcards * and > are allowed.")] = "",
    as_json: Json = False,
) -> None:
    """Show events while they arrive, decoded, until Ctrl-C.

    Needs a mesh that runs here, or NATS_URL.
    """
    import asyncio

    from crm_cli.events import tail as run

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(Home().nats_url(), subject, from_start=from_start, as_json=as_json))


@app.command()
def decode(
    subject: Annotated[str, typer.Option(help="Where the message was published; settles any doubt.")] = "",
) -> None:
    """Print the event on standard input as JSON.

    Needs nothing that runs. For the nats command:
    nats sub 'crm.events.>' --translate './scripts/crm decode --subject {{Subject}}'
    """
    from crm_cli.decoding import decoded

    print(decoded(sys.stdin.buffer.read(), subject))


@app.command()
def doctor(services: Names = None) -> None:
    """Say what is wrong and what to do.

    Looks at the mesh that runs here, or at DATABASE_URL, NATS_URL and the services at
    <SERVICE>_GRPC_ADDR; NATS_MONITORING_URL lets it ask the broker for its health. Exit
    code 1 when something does not work.
    """
    from rich.console import Console

    from crm_cli.doctor.examination import examine
    from crm_cli.selection import chosen_processes

    raise typer.Exit(0 if examine(Home(), chosen_processes(services or []), Console()) else 1)


@app.command()
def reconcile(
    organisation: Annotated[
        str, typer.Option(help="Whose figures; not needed with --token.", show_default="org-123")
    ] = "",
    token: Annotated[
        str, typer.Option(envvar="TOKEN", help="A bearer token; default: one signed as `crm token` does.")
    ] = "",
) -> None:
    """Say whether the services agree on the money that was received.

    Compares, for one organisation, the payments with invoices, commissions, planned debits and the
    dashboard, and shows each figure in which they differ. Asks the mesh that runs here, or the services
    at <SERVICE>_GRPC_ADDR. What is on its way between two services differs for a moment, and the dashboard
    takes off what came back or was refunded in the following night. Exit code 1 when something differs.
    """
    from rich.console import Console
    from service_kit import Settings

    from crm_cli.demo import ORGANISATION
    from crm_cli.reconciliation.report import reconcile as run
    from crm_cli.selection import chosen_processes, listening
    from crm_cli.tokens import signed_token

    home = Home()
    bearer = token or signed_token(
        home, user="comptable", organisation=organisation or ORGANISATION, lifetime=600
    )
    addresses = Settings.addresses(listening(home, chosen_processes([])))
    raise typer.Exit(0 if run(addresses, bearer, Console()) else 1)


@app.command()
def health(
    service: Annotated[str, typer.Argument(help="A service that runs on this machine.")],
    at: Annotated[
        str, typer.Option(help="Where it listens; then nothing else need be loaded.", show_default=False)
    ] = "",
) -> None:
    """Say whether a service, or the gateway, is SERVING.

    For the health checks of containers. Without --at (host:port, or the URL at which an edge answers) it
    is asked at port GRPC_PORT (GATEWAY_PORT), else that of the mesh that runs here, else its own. Exit
    code 1 when it is not.
    """
    from crm_cli.probes import serves

    healthy = serves(at or _address_of(service))
    print(f"{service} is {'' if healthy else 'not '}SERVING")
    raise typer.Exit(0 if healthy else 1)


def _address_of(service: str) -> str:
    from crm_cli.stack import address_of

    return address_of(Home(), service)


@app.command()
def secrets() -> None:
    """Print fresh secrets for the containers.

    ./scripts/crm secrets > .env. Needs nothing that runs. Each call makes new ones: a database
    or broker that was made with others does not take them.
    """
    from service_kit.registry import processes

    from crm_cli.stack import secret_lines

    for line in secret_lines(processes()):
        print(line)


def main() -> None:
    """Run the command; an expected failure is one sentence on standard error and exit code 1."""
    try:
        add_contributed(app, sys.argv[1:])
        app()
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        print(f"crm: {sentence}", file=sys.stderr)
        sys.exit(1)


def _sentence(error: Exception) -> str | None:
    """Return the sentence about *error* for the person at the terminal; None for an unexpected error."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is missing: remove .venv and run ./scripts/up, which makes it again"
    from db_utils import DatabaseUnavailable
    from db_utils.migrations import MigrationError
    from grpc_utils import PortTaken
    from psycopg import OperationalError
    from service_kit import ConfigurationError
    from service_kit.embedded import EmbeddedError
    from service_kit.registry import UnknownService

    if isinstance(error, OperationalError):
        first, *_ = str(error).splitlines()
        return f"the database does not answer ({first}): start it, or correct DATABASE_URL"
    if isinstance(error, DatabaseUnavailable):
        return f"the database does not answer ({error}): start it, or correct DATABASE_URL"
    known = (ConfigurationError, EmbeddedError, MigrationError, PortTaken, UnknownService)
    return str(error) if isinstance(error, known) else None
