"""Commands of operators: `crm users`.

The service is imported inside the commands: `crm --help` lists them without it.
"""

import sys
from functools import partial
from typing import Annotated

import typer

_INPUT = "the password on standard input"
_NOTHING_READ = (
    'there is none; give it as in: printf %s "$PASSWORD" | ./scripts/crm users creer-utilisateur …'
)

users = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after the users service.")


@users.callback()
def _users() -> None:
    """Look after the users service."""


@users.command("creer-utilisateur")
def create_user(
    email: Annotated[str, typer.Option(help="Address of the account.")],
    organisation: Annotated[str, typer.Option(help="Organisation that it administers.")],
) -> None:
    """Make the first account, with its password from standard input.

    printf %s "$PASSWORD" | crm users creer-utilisateur --email … --organisation …
    Needs the mesh that runs here, or DATABASE_URL. An account that is there keeps its password.
    """
    from grpc_utils.errors import InvalidArgument
    from service_kit import commands

    from service_users.bootstrap import SERVICE, create_administrator
    from service_users.rules import MotDePasseInvalide

    password = sys.stdin.read().removesuffix("\n")
    if not password:
        raise typer.BadParameter(_NOTHING_READ, param_hint=_INPUT)
    try:
        print(commands.run(SERVICE, partial(create_administrator, email, organisation, password)))
    except MotDePasseInvalide:
        sentence = "10 to 72 bytes, no control characters, not the address itself"
        raise typer.BadParameter(sentence, param_hint=_INPUT) from None
    except InvalidArgument as error:
        field = error.metadata.get("champ", "")
        raise typer.BadParameter("it is empty or malformed", param_hint=field) from None
