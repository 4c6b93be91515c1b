"""Commands of `crm auth`, by which operators look after this service from a terminal.

The service is imported inside the commands: `crm --help` lists them without it.
"""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from service_kit import App

    from service_auth.settings import AuthSettings

auth = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after the auth service.")


@auth.command("rotate-key")
def rotate_key() -> None:
    """Let a new key sign the tokens.

    Needs the mesh that runs here, or DATABASE_URL, AUTH_PEPPER and ENCRYPTION_KEYS. The key is
    published within ten seconds and signs after JWT_KEY_LEAD_S; tokens of the former one stay good.
    """
    from service_kit import commands

    from service_auth.service import SERVICE

    print(commands.run(SERVICE, _rotated))


async def _rotated(app: "App[AuthSettings]") -> str:
    from service_auth.keys import Keyring

    key = await Keyring.of(app).rotate()
    return (
        f"key {key.kid} is published within ten seconds and signs from {key.signe_des:%Y-%m-%d %H:%M:%S} UTC"
    )
