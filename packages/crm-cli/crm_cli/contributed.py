"""The commands that services and tools contribute, found by entry points.

Light, because it runs before every command; the kernel is imported inside functions.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

import typer

from crm_cli.home import CommandError, Home

COMMANDS = "crm.commands"  # of services: they run with the settings of their service
TOOLS = "crm.tools"  # of packages for developers, which production does not install


def add_contributed(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add to *app* the commands that *arguments* may mean, each under the name of its entry point.

    The module of a command is imported for that command and for the help that lists all of them;
    such modules import their service inside the commands.
    """
    for entry in _meant(TOOLS, arguments):
        if find_spec(entry.module.partition(".")[0]) is not None:
            app.add_typer(entry.load(), name=entry.name)
        elif arguments[:1] == [entry.name]:
            raise CommandError(
                f"crm {entry.name} is for developers: run it in a checkout, ./scripts/crm {entry.name}"
            )
    for entry in _meant(COMMANDS, arguments):
        app.add_typer(entry.load(), name=entry.name, callback=_before(entry.name))


def _meant(group: str, arguments: Sequence[str]) -> Iterator[EntryPoint]:
    asked = arguments[0] if arguments else "--help"
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        if asked in (entry.name, "--help"):
            yield entry


def _before(service: str) -> Callable[[], None]:
    def callback() -> None:
        complete_environment(Home(), service)

    return callback


def complete_environment(home: Home, service: str) -> None:
    """Set the environment of *service* in the mesh of *home*; variables that are set already win."""
    from service_kit.registry import service_named

    from crm_cli.keys import secrets_of

    state = home.state()
    if state is None:
        return
    known = {
        **secrets_of(home).environment(service, service_named(service).settings),
        "DATABASE_URL": state.database_url,
        "NATS_URL": state.nats_url,
        **{f"{name.upper()}_GRPC_ADDR": f"localhost:{port}" for name, port in state.services.items()},
    }
    for name, value in known.items():
        os.environ.setdefault(name, value)
