"""The `crm` command line: parsing here, work in the module of each subcommand.

Modules are imported inside the commands, so that each loads only what it needs: a token
must not wait for the nineteen services to be imported.
"""

import sys
from typing import Annotated

import typer

from crm_cli.home import CommandError, Home

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Runs and looks after the CRM mesh. `crm COMMAND --help` tells what a command needs.",
)

Names = Annotated[list[str] | None, typer.Argument(help="Services; all of them when none is named.")]
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
) -> None:
    """Run the whole mesh on this machine.

    PostgreSQL, nats-server and one process per service, watched and started again when they
    end. Needs nothing: DATABASE_URL and NATS_URL replace the embedded servers, other settings
    are those of .env.example. Data, logs and secrets are kept in .crm (CRM_HOME). Ctrl-C
    stops everything, a second Ctrl-C at once.
    """
    from rich.console import Console

    from crm_cli.up import Mesh

    Mesh(Home(), services or [], port_offset, Console()).run()


@app.command()
def serve(services: Annotated[list[str], typer.Argument(help="Services to run in this process.")]) -> None:
    """Run services in this process.

    Until SIGTERM or SIGINT; the entry point of containers. Needs DATABASE_URL, NATS_URL, a
    source of keys for tokens (JWT_SECRET, JWKS_URL or KEYCLOAK_REALM_URL) and schemas that
    `crm migrate` has brought up to date.
    """
    from service_kit.registry import ports, service_named
    from service_kit.serving import serve as run

    run([service_named(name) for name in services], ports())


@app.command()
def migrate(services: Names = None) -> None:
    """Bring schemas and streams up to date.

    Needs DATABASE_URL (of the owner) and NATS_URL, or a mesh that runs here.
    """
    from db_utils.migrations import migrate as run

    from crm_cli.selection import chosen
    from crm_cli.streams import declare_streams

    home = Home()
    wanted = chosen(services or [])
    changed = run(
        home.database_url(),
        [service.schema for service in wanted],
        report=lambda name: print(f"migrating {name}"),
    )
    declare_streams(home.nats_url())
    print(f"{len(changed)} of {len(wanted)} schemas changed, streams declared")


@app.command()
def token(
    user: Annotated[str, typer.Option(help="User id, the sub claim.")] = "demo",
    organisation: Annotated[
        str, typer.Option(help="Organisation claim; empty for a token without one.")
    ] = "org-123",
    lifetime: Annotated[int, typer.Option(help="Seconds until it expires.", min=1)] = 3600,
) -> None:
    """Print a bearer token for this mesh.

    TOKEN=$(./scripts/crm token). Needs nothing that runs. Signed with JWT_SECRET, else with
    the secret of the mesh here.
    """
    from crm_cli.tokens import token as make

    print(make(Home(), user=user, organisation=organisation, lifetime=lifetime))


def main() -> None:
    """Run the command; an expected failure is one sentence on standard error and exit code 1."""
    try:
        app()
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        print(f"crm: {sentence}", file=sys.stderr)
        sys.exit(1)


def _sentence(error: Exception) -> str | None:
    """What to tell the person at the terminal; None for what nobody expected."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"the package {error.name} is missing: remove .venv and run ./scripts/up, which makes it again"
    from db_utils.migrations import MigrationError
    from grpc_utils import PortTaken
    from psycopg import OperationalError
    from service_kit import ConfigurationError
    from service_kit.embedded import EmbeddedError
    from service_kit.registry import UnknownService

    if isinstance(error, OperationalError):
        first, *_ = str(error).splitlines()
        return f"the database does not answer ({first}): start it, or correct DATABASE_URL"
    known = (ConfigurationError, EmbeddedError, MigrationError, PortTaken, UnknownService)
    return str(error) if isinstance(error, known) else None
