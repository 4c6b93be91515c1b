"""The command line of `crm dlq`: parsing here, the work in `dlq.py`."""

from typing import Annotated

import typer

from crm_cli.arguments import Names
from crm_cli.home import CommandError, Home

dlq = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look after the messages that services gave up."
)

Letters = Annotated[list[str] | None, typer.Argument(help="As in the list: email/12.")]


@dlq.command("list")
def list_letters(
    services: Names = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those replayed or dropped.")] = False,
) -> None:
    """Show the messages that services gave up.

    Needs a mesh that runs here, or DATABASE_URL.
    """
    from crm_cli.dlq import list_letters as run
    from crm_cli.selection import chosen

    run(Home().database_url(), chosen(services or []), everything=everything)


@dlq.command()
def show(letter: Annotated[str, typer.Argument(help="As in the list: email/12.")]) -> None:
    """Show one of them with its content.

    Needs a mesh that runs here, or DATABASE_URL.
    """
    from crm_cli.dlq import show as run

    run(Home().database_url(), letter)


@dlq.command()
def replay(
    letters: Letters = None,
    service: Annotated[str, typer.Option(help="All dead letters of this service.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All dead letters of all services.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds without news after which to stop waiting.")] = 30,
) -> None:
    """Handle them again and say what became of each.

    Needs a mesh that runs here, or DATABASE_URL and running services. Exit code 1 when a
    letter has failed again or nobody took it.
    """
    from crm_cli.dead_letters import parse_ids
    from crm_cli.dlq import dead_numbers
    from crm_cli.dlq import replay as run
    from crm_cli.selection import chosen

    if sum((bool(letters), bool(service), everything)) != 1:
        raise CommandError("name letters (email/12), or a service with --service, or all with --all")
    wanted = parse_ids(letters or [])
    url = Home().database_url()
    numbers = wanted or dead_numbers(url, chosen([service] if service else []))
    if not numbers:
        print("no dead letters")
    raise typer.Exit(0 if run(url, numbers, wait) else 1)


@dlq.command()
def drop(letters: Letters = None) -> None:
    """Give them up for good.

    Needs a mesh that runs here, or DATABASE_URL. Exit code 1 when one of them was not dead.
    """
    from crm_cli.dlq import drop as run

    if not letters:
        raise CommandError("name the letters to drop, as in the list: email/12")
    raise typer.Exit(0 if run(Home().database_url(), letters) else 1)
