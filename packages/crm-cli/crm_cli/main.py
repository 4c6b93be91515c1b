"""The `crm` command line: parsing here, work in the module of each subcommand."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from crm_cli.home import CommandError, Home

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)

Names = Annotated[list[str] | None, typer.Argument(help="Services; all of them when none is named.")]


@app.command()
def up(services: Names = None) -> None:
    """Run the mesh here: PostgreSQL, nats-server and one process per service.

    DATABASE_URL and NATS_URL replace the embedded servers. Data is kept in .crm
    (CRM_HOME). Ctrl-C stops everything.
    """
    from crm_cli.up import Mesh

    Mesh(Home(), services or [], Console()).run()


@app.command()
def serve(services: Annotated[list[str], typer.Argument(help="Services to run in this process.")]) -> None:
    """Run services in this process until SIGTERM; the entry point of containers."""
    from service_kit.registry import ports, service_named
    from service_kit.serving import serve as run

    run([service_named(name) for name in services], ports())


@app.command()
def migrate(services: Names = None) -> None:
    """Bring database schemas and streams up to date, then end.

    Needs DATABASE_URL and NATS_URL, or a mesh that runs here.
    """
    from db_utils.migrations import migrate as run
    from service_kit.registry import service_named
    from service_kit.registry import services as installed

    from crm_cli.up import declare_streams

    home = Home()
    chosen = [service_named(name) for name in services or []] or list(installed().values())
    changed = run(
        home.database_url(),
        [service.schema for service in chosen],
        report=lambda name: print(f"migrating {name}"),
    )
    declare_streams(home.nats_url())
    print(f"{len(changed)} of {len(chosen)} schemas changed, streams declared")


@app.command()
def token(
    user: Annotated[str, typer.Option(help="User id, the sub claim.")] = "demo",
    organisation: Annotated[
        str, typer.Option(help="Organisation claim; empty for a token without one.")
    ] = "org-123",
    lifetime: Annotated[int, typer.Option(help="Seconds until it expires.", min=1)] = 3600,
) -> None:
    """Print a bearer token for the mesh of this folder."""
    print(Home().secrets().token(user=user, organisation=organisation or None, lifetime=lifetime))


def main() -> None:
    """Run the command; an expected failure is one sentence on standard error and exit code 1."""
    from db_utils.migrations import MigrationError
    from grpc_utils import PortTaken
    from service_kit import ConfigurationError
    from service_kit.embedded import EmbeddedError
    from service_kit.registry import UnknownService

    try:
        app()
    except (
        CommandError,
        ConfigurationError,
        EmbeddedError,
        MigrationError,
        PortTaken,
        UnknownService,
    ) as error:
        print(f"crm: {error}", file=sys.stderr)
        sys.exit(1)
