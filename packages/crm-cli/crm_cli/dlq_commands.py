"""The command line of `crm dlq`: parsing here, the work in `dlq.py`."""

from typing import Annotated

import typer

from crm_cli.arguments import Names
from crm_cli.home import CommandError, Home

dlq = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look after the messages that services gave up."
)

Letters = Annotated[list[str] | None, typer.Argument(help="As in the list: email/12.")]
OfService = Annotated[str, typer.Option("--service", help="All dead letters of this service.")]
Everything = Annotated[bool, typer.Option("--all", help="All dead letters of all services.")]


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
    service: OfService = "",
    everything: Everything = False,
    wait: Annotated[float, typer.Option(help="Seconds without news after which to stop waiting.")] = 30,
) -> None:
    """Handle them again and say what became of each.

    Needs a mesh that runs here, or DATABASE_URL and running services. Exit code 1 when a
    letter has failed again or nobody took it.
    """
    from crm_cli.dlq import replay as run

    numbers = _meant(letters, service, everything)
    raise typer.Exit(0 if run(Home().database_url(), numbers, wait) else 1)


@dlq.command()
def drop(
    letters: Letters = None,
    service: OfService = "",
    everything: Everything = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before many are dropped.")] = False,
) -> None:
    """Give them up for good.

    They are kept and listed with `crm dlq list --all`, and nobody handles them any more. With
    --service and --all their number is told, and nothing is done before the answer is yes. Needs
    a mesh that runs here, or DATABASE_URL. Exit code 1 when one of them was not dead, or the
    answer was another one.
    """
    from crm_cli.dlq import counted
    from crm_cli.dlq import drop as run

    numbers = _meant(letters, service, everything)
    if numbers and not (letters or yes):
        _confirm(f"Drop {counted(numbers)} for good?")
    raise typer.Exit(0 if run(Home().database_url(), numbers) else 1)


def _meant(letters: list[str] | None, service: str, everything: bool) -> dict[str, list[int]]:
    """The numbers by service of the letters that the command line names. Raises CommandError."""
    from crm_cli.dead_letters import parse_ids
    from crm_cli.dlq import dead_numbers
    from crm_cli.selection import chosen

    if sum((bool(letters), bool(service), everything)) != 1:
        raise CommandError("name letters (email/12), or a service with --service, or all with --all")
    if letters:
        return parse_ids(letters)
    found = dead_numbers(Home().database_url(), chosen([service] if service else []))
    if not found:
        print("no dead letters")
    return found


def _confirm(question: str) -> None:
    """Go on after a yes. Raises CommandError after any other answer, or none."""
    try:
        agreed = typer.confirm(question)
    except typer.Abort:
        raise CommandError("there was no answer and nothing is dropped: add --yes") from None
    if not agreed:
        raise CommandError("nothing is dropped")
