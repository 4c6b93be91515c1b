"""Commands of operators: `crm users`."""

import sys
from base64 import b64encode
from dataclasses import replace
from functools import partial
from secrets import token_bytes
from typing import Annotated

import typer
from grpc_utils.errors import InvalidArgument
from pydantic import Field, SecretStr
from service_kit import commands

from service_users import rules
from service_users.bootstrap import create_administrator
from service_users.service import SERVICE
from service_users.settings import UsersSettings


class _Settings(UsersSettings):
    """Settings of the service with a sealing key made up for the run.

    The commands write nothing that is sealed, so operators need not have the real keys.
    """

    encryption_keys: SecretStr = Field(
        default_factory=lambda: SecretStr(f"none:{b64encode(token_bytes(32)).decode()}")
    )


_SERVICE = replace(SERVICE, settings=_Settings)

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
    password = sys.stdin.read().removesuffix("\n")
    try:
        print(commands.run(_SERVICE, partial(create_administrator, email, organisation, password)))
    except rules.MotDePasseInvalide:
        sentence = "10 to 72 bytes, no control characters, not the address itself"
        raise typer.BadParameter(sentence, param_hint="the password on standard input") from None
    except InvalidArgument as error:
        field = error.metadata.get("champ", "")
        raise typer.BadParameter("it is empty or malformed", param_hint=field) from None
